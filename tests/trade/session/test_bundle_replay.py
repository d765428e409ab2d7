"""The whole line on simulated bars: bundle, observation, policy port, replay, backtest."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import uvicorn

from cluster.errors import BundleError
from envs import V6Params, Window
from envs.from_bars import market_from_bars
from factories import linear_policy, v6_manifest
from features import SimulatedMarket, feature_names
from serve.client import PolicyClient
from serve.endpoint import create_endpoint
from serve.errors import PolicyRefusedError
from serve.service import PolicyService
from trade.journal.journal import read_journal
from trade.policy.actors import HttpPolicy, LocalPolicy
from trade.session.replay import ReplayRequest, SessionReport, replay
from train.backtest.evaluation import evaluate
from train.bundle.bundle import PolicyBundle, save_bundle
from train.bundle.manifest import ManifestFields

SYMBOLS = ("SIMK01", "SIMB01", "SIME01")  # not the alphabetical order
TOKEN = "t" * 43


def random_policy(size: int, assets: int) -> bytes:
    """A linear policy whose weights are fixed and random."""
    return linear_policy(np.random.default_rng(5).normal(size=(size, 3 * assets)))


def stated(slippage_model: str) -> ManifestFields:
    now = datetime(2016, 6, 1, tzinfo=UTC)
    params = V6Params.default(slippage_model=slippage_model).to_dict()
    return v6_manifest(SYMBOLS, v6_params=params, data={"start": now, "end": now}, created=now)


@dataclass(frozen=True)
class Line:
    bars: pl.DataFrame
    bundles: dict[str, PolicyBundle]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """Bars with holes, and a bundle for each cost model."""
    bars = SimulatedMarket(symbols=11, sessions=75, interval="1h", seed=3).bars()
    bars = bars.filter(pl.col("symbol").is_in(SYMBOLS))
    kept = np.random.default_rng(0).random(bars.height) > 0.03
    folder = tmp_path_factory.mktemp("bundles")
    onnx = random_policy(len(SYMBOLS) * (len(feature_names("v6")) + 1) + 3, len(SYMBOLS))
    bundles = {
        model: PolicyBundle.load(save_bundle(folder, onnx, None, stated(model)))
        for model in ("none", "impact", "realistic")
    }
    return Line(bars.filter(pl.Series(kept)), bundles)


def ask_for(line: Line, model: str, journal: Path, **changes: object) -> ReplayRequest:
    bundle = line.bundles[model]
    ask = ReplayRequest(
        bars=line.bars,
        bundle=bundle.manifest,
        policy=LocalPolicy(bundle),
        journal=journal,
        label="SIMULATED",
        start=date(2016, 4, 4),
        limits=None,
        protection=None,
        seed=9,
    )
    return replace(ask, **changes)


@pytest.mark.parametrize("slippage_model", ["none", "impact", "realistic"])
def test_replay_and_evaluation_of_a_bundle_agree(
    slippage_model: str, line: Line, journal: Path
) -> None:
    # given a bundle, evaluated over the last sessions
    bundle = line.bundles[slippage_model]
    market = market_from_bars(line.bars, "v6", list(SYMBOLS))
    low = int(np.searchsorted(market.ts, np.datetime64("2016-04-04")))
    params = V6Params.from_dict(bundle.manifest.v6_params)
    backtest = evaluate(bundle.act, market, params, Window(low, market.num_bars), seed=9)
    assert not market.tradable[low:].all()
    # when it is replayed over the same sessions
    result = replay(ask_for(line, slippage_model, journal))
    # then equity at every close, the fills and the actions agree
    replayed = np.array([equity for _, equity in result.equity_curve])
    np.testing.assert_allclose(replayed, backtest.equity, rtol=1e-9)
    assert result.fills == backtest.fills > 15
    assert result.policy_failures == 0
    decided = [r.event.payload()["actions"] for r in read_journal(journal) if r.kind == "decision"]
    assert backtest.actions is not None
    codes = {"buy": 1, "sell": 2}
    rows = [[codes.get(actions.get(symbol), 0) for symbol in SYMBOLS] for actions in decided]
    np.testing.assert_array_equal(rows, backtest.actions)


def test_each_session_is_told_as_it_ends(line: Line, journal: Path) -> None:
    told: list[SessionReport] = []
    result = replay(ask_for(line, "none", journal), told.append)
    assert len(told) == result.sessions
    assert told[0].day == date(2016, 4, 4)
    assert sum(report.fills for report in told) == result.fills
    assert sum(report.decisions for report in told) == result.decisions
    assert told[-1].equity == result.final_equity


def test_a_bundle_of_other_features_is_refused(line: Line, journal: Path) -> None:
    request = ask_for(line, "none", journal)
    foreign = request.bundle.model_copy(update={"feature_fingerprint": "0" * 64})

    with pytest.raises(BundleError, match="was made with other features"):
        replay(replace(request, bundle=foreign))
    assert not journal.exists()


@pytest.fixture
def endpoint(line: Line) -> Iterator[tuple[str, uvicorn.Server]]:
    """The endpoint over a real socket, without Ray."""
    service = PolicyService()
    service.load(line.bundles["none"].path)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_endpoint(service, TOKEN), log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", server
    server.should_exit = True
    thread.join()


def test_decisions_over_http_are_those_of_the_bundle(line: Line, endpoint, journal: Path) -> None:
    local = replay(ask_for(line, "none", journal.with_stem("local"), start=date(2016, 4, 14)))
    with PolicyClient(endpoint[0], TOKEN) as client:
        policy = HttpPolicy(client, line.bundles["none"].manifest)
        policy.check()
        ask = ask_for(line, "none", journal, start=date(2016, 4, 14), policy=policy)
        served = replay(ask)
    assert served.equity_curve == local.equity_curve
    assert served.fills == local.fills > 0
    decision = next(r.event.payload() for r in read_journal(journal) if r.kind == "decision")
    assert decision["latency_ms"] > 0
    assert [round(sum(row), 3) for row in decision["probabilities"].values()] == [1.0] * 3


def test_an_endpoint_with_another_bundle_is_refused_before_the_first_bar(
    line: Line, endpoint
) -> None:
    other = line.bundles["impact"].manifest
    served_otherwise = pytest.raises(BundleError, match="serves another policy")
    with PolicyClient(endpoint[0], TOKEN) as client, served_otherwise:
        HttpPolicy(client, other).check()
    with PolicyClient(endpoint[0], "w" * 43) as stranger, pytest.raises(PolicyRefusedError):
        HttpPolicy(stranger, line.bundles["none"].manifest).check()


def test_without_an_endpoint_the_trader_holds(line: Line, journal: Path) -> None:
    # given a port that nobody listens on
    with socket.create_server(("127.0.0.1", 0)) as closing:
        url = f"http://127.0.0.1:{closing.getsockname()[1]}"
    with PolicyClient(url, TOKEN, timeout_s=0.2) as client:
        policy = HttpPolicy(client, line.bundles["none"].manifest)
        ask = ask_for(line, "none", journal, start=date(2016, 4, 20), policy=policy)
        result = replay(ask)
    # then every decision fails, is journalled, and nothing is traded
    assert result.policy_failures == result.decisions > 0
    assert result.orders == 0
    assert result.final_equity == 100_000.0
