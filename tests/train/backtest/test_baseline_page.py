"""docs/how-to/baseline.md: its example is a baseline, and its line registers it."""

import re
from typing import Any

import numpy as np
import pytest

from envs import Market, V6Params, Window
from places import ROOT
from train.backtest.baselines import BASELINES, Baseline
from train.report.charts import COLOURS

PAGE = "docs/how-to/baseline.md"
FILE, LINE = re.findall(r"```python\n(.*?)```", (ROOT / PAGE).read_text(), flags=re.DOTALL)


@pytest.fixture
def registered() -> dict[str, Baseline]:
    names: dict[str, Any] = {"Baseline": Baseline}
    exec(compile(FILE, PAGE, "exec"), names)
    made: dict[str, Baseline] = eval(f"{{{LINE}}}", names)
    return made


def test_the_example_buys_what_fell(registered: dict[str, Baseline]) -> None:
    # given: A falls and B rises for six sessions, then A doubles from the next open on
    close = np.array([[100.0 - 10 * bar, 100.0 + bar] for bar in range(7)] + [[80.0, 50.0]])
    opens = np.vstack([close[:7], [[40.0, 106.0]]])
    market = Market.from_arrays(close=close, open=opens, session=np.arange(8))
    free = V6Params.default(slippage_model="none", spread_bps=0.0, sec_fee=0.0, finra_taf=0.0)
    ((kind, baseline),) = registered.items()

    walked = baseline.walk(market, free, Window(6, 8))

    assert kind == walked.kind == walked.name == "reversal"
    assert walked.fills == 1
    assert walked.daily_returns == pytest.approx([1.0], rel=1e-8)


def test_the_example_is_new_and_needs_no_flag(registered: dict[str, Baseline]) -> None:
    ((kind, baseline),) = registered.items()

    assert kind not in BASELINES
    assert baseline == Baseline(baseline.walk)


def test_every_registered_baseline_has_a_colour_of_its_own() -> None:
    assert list(COLOURS) == list(BASELINES)
    assert len(set(COLOURS.values())) == len(BASELINES)
