"""From a bundle to a verdict, once, on the window that nothing else has read."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import BundleError, DataError
from envs import Market, V6Params, Window
from train.backtest.baselines import BASELINES
from train.backtest.evaluation import evaluate
from train.bundle.bundle import PolicyBundle, read_verdict
from train.bundle.manifest import ManifestFields
from train.judge.judge_bundle import judge_bundle
from train.ledger.ledger import TrialLedger, TrialRecord
from train.report.report import write_report


@pytest.fixture
def ledger(
    tmp_path: Path, market: Market, stated: ManifestFields, trial: Callable[..., TrialRecord]
) -> TrialLedger:
    """Three trials with returns on the test window's sessions."""
    kept = TrialLedger(tmp_path / "ledger")
    low, high = stated.folds[-1].test.start, stated.folds[-1].test.stop
    days = np.unique(market.ts[low:high].astype("datetime64[D]"))
    dates: list[date] = days.tolist()
    random = np.random.default_rng(3)
    for name in "abc":
        kept.append(
            trial(
                trial_id=f"demo-1-{name}",
                test_dates=dates,
                test_returns=random.normal(0.0, 0.01, len(dates)),
            )
        )
    return kept


def test_the_verdict_counts_every_trial_and_every_baseline(
    bundle: Path, market: Market, ledger: TrialLedger, stated: ManifestFields
) -> None:
    judged = judge_bundle(bundle, market, ledger)

    low, high = stated.folds[-1].test.start, stated.folds[-1].test.stop
    assert judged.verdict.trials == 3
    assert judged.verdict.days == len(np.unique(market.session[low + 1 : high]))
    assert [path.kind for path in judged.baselines] == list(BASELINES)
    assert judged.candidate.bars[0] == low + 1  # decided at the first bar's close, filled after it
    assert judged.candidate.bars[-1] == high - 1


def test_random_trading_of_the_same_kind_is_told_beside(
    bundle: Path, market: Market, ledger: TrialLedger
) -> None:
    judged = judge_bundle(bundle, market, ledger)

    chance = judged.verdict.random
    assert chance is not None
    assert chance.policies == 200
    assert chance.turnover == pytest.approx(judged.candidate.turnover, rel=0.1)
    assert chance.exposure == pytest.approx(judged.candidate.exposure, rel=0.1)
    assert not any("random" in reason for reason in judged.verdict.reasons)


def test_it_is_written_beside_the_bundle_and_nothing_else_changes(
    bundle: Path, market: Market, ledger: TrialLedger
) -> None:
    before = {path.name: path.read_bytes() for path in bundle.iterdir() if path.suffix != ".md"}

    judged = judge_bundle(bundle, market, ledger)

    assert read_verdict(bundle, PolicyBundle.load(bundle).manifest) == judged.verdict
    assert {name: (bundle / name).read_bytes() for name in before} == before


def test_the_same_seed_gives_the_same_verdict_twice(
    bundle: Path, market: Market, ledger: TrialLedger
) -> None:
    first, second = (judge_bundle(bundle, market, ledger, seed=5) for _ in range(2))

    assert (first.verdict.readings, second.verdict.readings) == (1, 2)
    assert first.verdict == second.verdict.model_copy(update={"readings": 1})
    np.testing.assert_array_equal(first.candidate.equity, second.candidate.equity)


def test_other_bars_are_refused_by_their_fingerprint(
    bundle: Path, market: Market, ledger: TrialLedger
) -> None:
    other = market.with_features(np.zeros_like(market.features))

    with pytest.raises(BundleError, match="was made on other bars") as refused:
        judge_bundle(bundle, other, ledger)

    assert other.fingerprint[:16] in refused.value.why
    assert not (bundle / "verdict.json").exists()


def test_bars_before_the_test_window_do_not_change_the_walk(
    bundle: Path, market: Market, ledger: TrialLedger, stated: ManifestFields
) -> None:
    # given: the same bars from the test window on, in a market of its own
    low, high = stated.folds[-1].test.start, stated.folds[-1].test.stop
    whole = judge_bundle(bundle, market, ledger).candidate
    # when: only the window is walked
    alone = evaluate(
        PolicyBundle.load(bundle).act,
        market.window(Window(low, high)),
        V6Params.from_dict(stated.v6_params | {"slippage_model": "none"}),
        Window(0, high - low),
    )
    again = evaluate(
        PolicyBundle.load(bundle).act,
        market,
        V6Params.from_dict(stated.v6_params | {"slippage_model": "none"}),
        Window(low, high),
    )

    # then
    np.testing.assert_allclose(alone.equity, again.equity, rtol=1e-12)
    assert len(whole.equity) == len(alone.equity)


def test_no_verdict_without_trials(bundle: Path, market: Market, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trial of this problem"):
        judge_bundle(bundle, market, TrialLedger(tmp_path / "empty"))


def test_a_judgement_is_all_that_a_report_needs(
    bundle: Path, market: Market, ledger: TrialLedger, tmp_path: Path
) -> None:
    judged = judge_bundle(bundle, market, ledger)

    page = write_report(tmp_path / "report.html", judged.report_input()).read_text()

    assert judged.verdict.label in page
    assert judged.bundle.manifest.bundle_id in page
    assert all(f"demo-1-{name}" in page for name in "abc")


def test_trials_of_later_sweeps_raise_the_bar(
    bundle: Path,
    market: Market,
    ledger: TrialLedger,
    trial: Callable[..., TrialRecord],
) -> None:
    first = judge_bundle(bundle, market, ledger).verdict
    start = date(2024, 2, 2)
    random = np.random.default_rng(9)
    for number in range(12):
        ledger.append(
            trial(
                trial_id=f"demo-2-{number}",
                sweep="demo-2",
                test_dates=[start + timedelta(days=day) for day in range(29)],
                test_returns=random.normal(0.0, 0.02, 29),
            )
        )

    second = judge_bundle(bundle, market, ledger).verdict

    assert (first.trials, second.trials) == (3, 15)
    assert second.deflation_threshold > first.deflation_threshold
