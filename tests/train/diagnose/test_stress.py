"""Stress tests whose answers are known: an edge of one bar, planted regimes, dear fills."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import BundleError
from envs import Market, V6Params, Window
from factories import bundle_on
from train.backtest.evaluation import Evaluation, evaluate
from train.bundle.bundle import PolicyBundle, refresh_card
from train.bundle.stress_record import StressRecord, read_stress, write_stress
from train.diagnose.stress import STARTS, at_costs, by_regime, delayed, stress
from train.ledger.ledger import TrialLedger, TrialRecord
from train.market.regimes import MEMORY, REGIMES, regimes

WINDOW = Window(217, 420)


@pytest.fixture
def knowing(market: Market) -> Market:
    """The small market whose first feature tells the direction of the bar after the next fill."""
    ahead = np.zeros_like(market.close)
    opens = market.require("open", "this test")
    ahead[:-2] = np.sign(opens[2:] / opens[1:-1] - 1.0)
    features = market.features.copy()
    features[:, :, 0] = ahead
    return market.with_features(features)


@pytest.fixture
def bundle(tmp_path: Path, knowing: Market) -> PolicyBundle:
    """BUY what will rise in the bar of the fill, SELL what will fall, at no cost."""
    weights = np.zeros((12, 9))
    for asset in range(3):
        weights[2 * asset, 3 * asset + 1] = 1.0
        weights[2 * asset, 3 * asset + 2] = -1.0
    params = V6Params.default(
        max_trades_per_day=1000, min_holding_period=0, spread_bps=1.0, buy_pct=0.5
    )
    folder = bundle_on(knowing, tmp_path / "b", weights, v6_params=params.to_dict())
    return PolicyBundle.load(folder)


@pytest.fixture
def ledger(tmp_path: Path, trial: Callable[..., TrialRecord]) -> TrialLedger:
    """Three seeds of the bundle's configuration, and another one that is better."""
    ledger = TrialLedger(tmp_path / "ledger")
    for number, drift in enumerate((0.001, 0.002, 0.003, 0.1)):
        ledger.append(
            trial(
                trial_id=f"demo-1-{'abcd'[number]}",
                seed=number,
                config={"gamma": 0.99 if number < 3 else 0.5},
                test_returns=np.array([0.01, -0.01, 0.01]) + drift,
            )
        )
    return ledger


@pytest.fixture
def found(bundle: PolicyBundle, knowing: Market, ledger: TrialLedger) -> StressRecord:
    return stress(bundle, knowing, ledger)


def test_the_terms_get_worse_and_an_edge_of_one_bar_is_gone_a_bar_later(
    found: StressRecord,
) -> None:
    plain, double, fivefold, late = found.harder

    assert [row.name for row in found.harder] == [
        *("costs x1", "costs x2", "costs x5"),
        "fills one bar later",
    ]
    assert plain.sharpe > 5.0
    assert plain.sharpe > double.sharpe > fivefold.sharpe
    assert late.sharpe < plain.sharpe - 5.0
    assert late.equal_weight == plain.equal_weight > fivefold.equal_weight


def test_seeds_are_those_of_the_configuration_and_the_best_is_not_what_is_told(
    found: StressRecord,
) -> None:
    assert found.seeds is not None
    assert found.seeds.count == 3
    assert found.seeds.low < found.seeds.median < found.seeds.high
    middle = np.array([0.01, -0.01, 0.01]) + 0.002
    assert found.seeds.median == pytest.approx(middle.mean() / middle.std(ddof=1) * 252**0.5)


def test_without_its_trial_there_are_no_seeds(
    bundle: PolicyBundle, knowing: Market, tmp_path: Path
) -> None:
    assert stress(bundle, knowing, TrialLedger(tmp_path / "none")).seeds is None


def test_starts_are_compared_over_the_same_sessions(
    bundle: PolicyBundle, knowing: Market, found: StressRecord
) -> None:
    # 29 sessions in the window: the last start, 21 sessions later, is kept to two thirds of them
    params = V6Params.from_dict(bundle.manifest.v6_params)
    last = evaluate(bundle.act, knowing, params, Window(217 + 7 * 19, 420))

    assert found.starts.count == len(STARTS)
    assert found.starts.low <= last.sharpe_ratio <= found.starts.high
    assert found.starts.low > 5.0


def test_regimes_split_the_sessions_by_what_was_known_before_them(
    bundle: PolicyBundle, knowing: Market, found: StressRecord
) -> None:
    params = V6Params.from_dict(bundle.manifest.v6_params)
    walked = evaluate(bundle.act, knowing, params, WINDOW)
    masks = regimes(knowing)

    counts = {row.name: row.sessions for row in found.regimes}
    assert tuple(counts) == REGIMES
    assert counts["rising"] + counts["falling"] == counts["calm"] + counts["wild"] == walked.days
    # the bar before the first of each session, which is bar 7 s
    before = 7 * walked.sessions - 1
    rising = walked.daily_returns[masks["rising"][before]]
    assert counts["rising"] == len(rising)
    assert found.regimes[0].mean_return == pytest.approx(rising.mean())


def test_a_few_sessions_have_no_ratio(market: Market) -> None:
    walked = evaluate(
        lambda _: np.ones((1, 3), np.int64), market, V6Params.default(), Window(0, 420)
    )
    short = replace(
        walked,
        sessions=walked.sessions[-(MEMORY // 7) :],
        daily_returns=walked.daily_returns[-(MEMORY // 7) :],
    )

    rows = by_regime(market, short, short)

    for row in rows:
        assert (row.sharpe is None) == (row.sessions < 10)
        assert row.sharpe == row.equal_weight
    assert sum(row.sessions for row in rows) == 2 * short.days


def test_a_decision_comes_a_bar_later_and_none_is_lost() -> None:
    actions = iter(np.arange(5).reshape(5, 1, 1))
    late = delayed(lambda _: next(actions))

    got = [int(late(np.zeros((1, 1), np.float32))[0, 0]) for _ in range(5)]

    assert got == [0, 0, 1, 2, 3]


def test_costs_are_those_of_the_gate(bundle: PolicyBundle, knowing: Market) -> None:
    once, thrice = (at_costs(bundle, knowing, WINDOW, factor) for factor in (1.0, 3.0))

    assert (once.name, thrice.name) == ("costs x1", "costs x3")
    assert once.total_return > thrice.total_return


def test_it_is_kept_with_the_bundle_and_refused_when_changed(
    bundle: PolicyBundle, found: StressRecord
) -> None:
    write_stress(bundle.path, found)
    refresh_card(bundle.path)

    assert read_stress(bundle.path, bundle.manifest.bundle_id) == found
    assert "| costs x5 |" in (bundle.path / "card.md").read_text()
    PolicyBundle.load(bundle.path)

    path = bundle.path / "stress.json"
    path.write_bytes(path.read_bytes().replace(b"costs x5", b"costs x9"))
    with pytest.raises(BundleError, match="changed after it was written"):
        PolicyBundle.load(bundle.path)


@pytest.mark.parametrize("content", [b"{}", b"not json", b""])
def test_what_is_no_record_is_refused(bundle: PolicyBundle, content: bytes) -> None:
    (bundle.path / "stress.json").write_bytes(content)

    with pytest.raises(BundleError, match=r"stress record .* is refused"):
        PolicyBundle.load(bundle.path)


def test_the_record_of_another_bundle_is_refused(bundle: PolicyBundle, found: StressRecord) -> None:
    write_stress(bundle.path, found.model_copy(update={"bundle_id": "f" * 16}))

    with pytest.raises(BundleError, match="that of bundle ffff"):
        PolicyBundle.load(bundle.path)


def test_the_same_call_gives_the_same_record(
    bundle: PolicyBundle, knowing: Market, ledger: TrialLedger, found: StressRecord
) -> None:
    assert stress(bundle, knowing, ledger) == found


def test_evaluations_are_aligned(bundle: PolicyBundle, knowing: Market) -> None:
    params = V6Params.from_dict(bundle.manifest.v6_params)
    walks: list[Evaluation] = [
        evaluate(act, knowing, params, WINDOW) for act in (bundle.act, delayed(bundle.act))
    ]

    np.testing.assert_array_equal(walks[0].sessions, walks[1].sessions)
    np.testing.assert_array_equal(walks[0].actions[:-1], walks[1].actions[1:])  # type: ignore[index]
