"""The model of docs/how-to/slippage.md, added to a copy of the code as the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

PAGE = (ROOT / "docs" / "how-to" / "slippage.md").read_text()

PROGRAM = """
import numpy as np
from envs import Market, TradingVectorEnv, V6Params
from features import AlignedTable
from trade.bars.slot_map import Seats
from trade.brokers.paper import PaperBroker
from trade.brokers.port import BrokerSetup
from trade.orders.account import Account
from trade.orders.orders import Leg, Order, Side
from train.backtest.costs import with_costs

params = V6Params.default(slippage_model="touch", spread_bps=0.0, sec_fee=0.0, finra_taf=0.0)
flat = np.full((9, 1), 100.0)
bars = dict(
    close=flat, open=flat, session=np.arange(9), volume=flat, volatility=flat * 1e-4,
    tradable=flat > 0, features=np.zeros((9, 1, 0), np.float32), symbols=("S0",),
    feature_names=(), ts=np.datetime64("2025-03-03", "us") + np.arange(9),
)
env = TradingVectorEnv(Market.from_arrays(**bars), params)
env.reset(seed=0, options={"start": 1})
env.step(np.array([[1]]))
print(float(env.batch.state.entry_price[0, 0]))

table = AlignedTable(**bars, high=flat, low=flat)
account = Account.opened_with(1e5)
broker = PaperBroker(BrokerSetup(seats=Seats(table), v6=params.rule_params(), account=account))
print(broker.submit(Order("id", "S0", Side.BUY, Leg.ENTRY, notional=2e4), 2).price)
print(broker.entry_cost("S0", 2e4, 2).worst_price)

dear = with_costs(params, 3.0)
print(dear.spread_bps, dear.market_impact_factor)
"""


@pytest.mark.slow
def test_the_pages_model_prices_training_the_trader_and_dearer_costs(tmp_path: Path) -> None:
    # given a copy of envs/ with the two changes that the page asks for
    envs = tmp_path / "envs"
    shutil.copytree(ROOT / "envs", envs, ignore=shutil.ignore_patterns("__pycache__"))
    model, registration = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (envs / "slippage" / "touch.py").write_text(model)
    imported, models = registration.split("\n\n")
    registry = (envs / "slippage" / "registry.py").read_text()
    (head, *_, tail) = re.split(r"\nMODELS.*?\n\)\n", registry, flags=re.DOTALL)
    (envs / "slippage" / "registry.py").write_text(f"{head}{imported}\n\n{models}{tail}")
    # when it fills an order in the kernel and with the paper broker, and costs are tripled
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # then both pay 0.5 bps, the factor of 1 bp and a twentieth of the volatility of 1 %: 6.5 bps
    kernel, paper, worst, spread, factor = map(float, done.stdout.split())
    assert kernel == pytest.approx(100.065)
    assert paper == kernel
    assert worst == kernel
    # and what no factor scales is in the spread
    assert spread == pytest.approx(2 * 0.5)
    assert factor == pytest.approx(3e-4)
