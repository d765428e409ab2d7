"""BETTER or NOT BETTER: whether a chosen policy beats luck and what anyone could have done."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cluster.errors import DataError
from envs.arrays import Float64
from features.bars.sessions import SESSIONS_A_YEAR
from train.backtest.baselines import BASELINES
from train.backtest.evaluation import Evaluation
from train.bundle.verdict_record import BaselineExcess
from train.bundle.verdict_record import VerdictRecord as Verdict
from train.stats.clusters import effective_trials
from train.stats.overfitting import BLOCKS, probability_of_overfitting
from train.stats.significance import (
    Moments,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    sharpe_differences,
    sharpe_interval,
    stationary_bootstrap_intervals,
)
from train.stats.superiority import superiority_p
from train.verdict.checks import verdict_checks
from train.verdict.degeneracy import degeneracy

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Verdict", "judge", "refuse_without_trials"]

RUINED = "ruined: the account fell below half of its initial balance"


def judge(
    candidate: Evaluation,
    baselines: Sequence[Evaluation],
    trials: "pl.DataFrame",
    *,
    paths: Float64 | None = None,
    seed: int = 0,
) -> Verdict:
    """Judge the chosen policy on the test window, against every trial of its problem.

    BETTER needs all of: a deflated Sharpe ratio of at least 0.95; the 95 % bootstrap interval of
    the difference of Sharpe ratios above 0 against each baseline; 20 sessions; no degenerate
    behaviour.

    Args:
        candidate: the one policy that validation chose.
        baselines: at least flat, buy and hold and equal weight, over the same sessions.
        trials: `TrialLedger.trials(problem)`, every trial that ran, the candidate's included.
        paths: (N, D) returns of the trials that cover the candidate's sessions (`Tried.paths`), for
            the probability of overfitting, the clusters and Hansen's test; without them there are
            no such numbers. They decide nothing here: `train.verdict.promotion_gate` does.
        seed: of the bootstrap.

    Raises:
        DataError: a baseline is missing or covers other sessions, or the ledger is empty.
    """
    _check_comparable(candidate, baselines, trials)
    moments = Moments.of(candidate.daily_returns)
    variance = _cross_trial_variance(trials, moments)
    interval = sharpe_interval(candidate.daily_returns, seed=seed)
    deflated = deflated_sharpe_ratio(moments, variance, trials.height)
    tried = np.empty((0, candidate.days)) if paths is None else paths  # (N, D)
    excess = _excess(candidate, baselines, tried, seed)
    clusters = min(effective_trials(tried) or trials.height, trials.height)
    checks = verdict_checks(
        deflated,
        excess,
        trials=trials.height,
        days=candidate.days,
        behaviour=_behaviour(candidate, baselines),
    )
    reasons = tuple(str(check) for check in checks if not check.passed)
    return Verdict(
        label="NOT BETTER" if reasons else "BETTER",
        sharpe=candidate.sharpe_ratio,
        sharpe_low=interval.low,
        sharpe_high=interval.high,
        deflated_sharpe=deflated,
        deflation_threshold=expected_maximum_sharpe(variance, trials.height) * SESSIONS_A_YEAR**0.5,
        trials=trials.height,
        days=candidate.days,
        effective_trials=clusters,
        deflated_sharpe_effective=deflated_sharpe_ratio(moments, variance, clusters),
        overfitting=_overfitting(tried),
        excess=excess,
        checks=checks,
        reasons=reasons,
    )


def _behaviour(candidate: Evaluation, baselines: Sequence[Evaluation]) -> str:
    """Ruin, and how the policy fails to be one, in words; empty when neither."""
    ruin = RUINED if candidate.ruined else ""
    return "; ".join(filter(None, [ruin, degeneracy(candidate, baselines)]))


def _overfitting(paths: Float64) -> float | None:
    trials, days = paths.shape
    measurable = trials >= 2 and days >= 2 * BLOCKS
    return probability_of_overfitting(paths) if measurable else None


def _excess(
    candidate: Evaluation, baselines: Sequence[Evaluation], tried: Float64, seed: int
) -> tuple[BaselineExcess, ...]:
    paths = np.column_stack([row.daily_returns for row in (candidate, *baselines)])  # (D, 1 + K)
    intervals = stationary_bootstrap_intervals(paths, sharpe_differences, seed=seed)
    return tuple(
        BaselineExcess(
            baseline=baseline.name,
            kind=baseline.kind,
            symbol=baseline.symbol,
            excess=excess,
            low=interval.low,
            high=interval.high,
            spa_p=superiority_p(candidate.daily_returns, baseline.daily_returns, tried, seed=seed),
        )
        for baseline, excess, interval in zip(
            baselines, sharpe_differences(paths).tolist(), intervals, strict=True
        )
    )


def _cross_trial_variance(trials: "pl.DataFrame", moments: Moments) -> float:
    """Variance of the trials' Sharpe ratios a day.

    Where fewer than two trials left a test path, that of the ratio's own estimate under no skill,
    1 / (D - 1): trials that tell nothing must not make the bar lower.
    """
    ratios = trials["test_sharpe"].drop_nulls().to_numpy() / SESSIONS_A_YEAR**0.5
    if len(ratios) < 2:
        return 1.0 / (moments.days - 1)
    return float(np.var(ratios, ddof=1))


def _check_comparable(
    candidate: Evaluation, baselines: Sequence[Evaluation], trials: "pl.DataFrame"
) -> None:
    present = {baseline.kind for baseline in baselines}
    missing = [kind for kind, one in BASELINES.items() if one.required and kind not in present]
    if missing:
        raise DataError(f"no verdict without the baseline {missing[0]}", "", "evaluate it as well")
    for baseline in baselines:
        if not np.array_equal(baseline.sessions, candidate.sessions):
            raise DataError(
                f"baseline {baseline.name} covers other sessions than the policy",
                f"{baseline.days} against {candidate.days}",
                "evaluate both over the same window",
            )
    refuse_without_trials(trials)


def refuse_without_trials(trials: "pl.DataFrame") -> None:
    """No verdict without a count of what was tried.

    Raises:
        DataError: the table is empty.
    """
    if trials.height == 0:
        raise DataError(
            "the ledger holds no trial of this problem",
            "a verdict deflates by the number of trials",
            "append the trials before judging",
        )
