"""How a policy fails to be one, in words: it does nothing, always the same, or what is free."""

from collections.abc import Sequence

import numpy as np

from envs.arrays import Float64
from features.bars.sessions import SESSIONS_A_YEAR
from train.backtest.baselines import BASELINES
from train.backtest.evaluation import Evaluation

SAME_PATH = 0.99  # correlation of daily returns from which two paths are one
LONGEST_TURN = 1.0  # a year: mean holding periods of a year or more are holding, not trading
ENTRY_TURN = 0.5  # buying everything once
ONE_ASSET = 0.99  # of the bars that assets were held for, summed over the assets


def degeneracy(candidate: Evaluation, baselines: Sequence[Evaluation] = ()) -> str:
    """How a policy fails to be one; empty when it does not.

    It never traded; it sent the same actions at every bar; it held one asset of several; or it is
    buy and hold in disguise: its daily returns correlate by more than 0.99 with those of a baseline
    that holds the market, and beyond the entry it turned its book over at most once a year. Both
    are needed: a policy that tilts a market portfolio by its own judgement correlates as highly,
    but trades to do so; and one that trades rarely, but is in and out at other times than the
    market, does not correlate. Correlation sees no scale: half of the market and half cash is
    holding too.

    Args:
        candidate: the walk.
        baselines: others over the same sessions.
    """
    if candidate.fills == 0:
        return "degenerate: it never traded"
    actions = candidate.actions
    if actions is not None and (actions == actions[0]).all():
        return "degenerate: it sent the same actions at every bar"
    if _largest_share(candidate) > ONE_ASSET:
        return "degenerate: it held one asset only"
    return _disguise(candidate, baselines)


def _largest_share(candidate: Evaluation) -> float:
    """Share of the asset held longest in the bars held of all assets; 0 where there is but one."""
    shares = candidate.shares
    if shares is None or shares.shape[1] < 2:
        return 0.0
    held = (shares > 0.0).sum(axis=0)  # (A,) bars
    return float(held.max() / max(held.sum(), 1))


def _disguise(candidate: Evaluation, baselines: Sequence[Evaluation]) -> str:
    turned = float(candidate.traded.sum()) / 2.0 / float(np.mean(candidate.equity[1:]))
    if turned > ENTRY_TURN + LONGEST_TURN * candidate.days / SESSIONS_A_YEAR:
        return ""
    for baseline in baselines:
        if baseline.kind in BASELINES and BASELINES[baseline.kind].holds_market:
            alike = _correlation(candidate.daily_returns, baseline.daily_returns)
            if alike > SAME_PATH:
                return (
                    f"degenerate: {baseline.name} in disguise, correlation {alike:.4f}, "
                    f"book turned over {turned:.2f} times"
                )
    return ""


def _correlation(one: Float64, other: Float64) -> float:
    """Of two paths; 0 where one of them never moves."""
    if min(np.ptp(one), np.ptp(other)) == 0.0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
