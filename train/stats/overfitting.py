"""Probability of backtest overfitting: how often the best trial of some days fails on the others.

Combinatorially symmetric cross-validation: Bailey, Borwein, Lopez de Prado and Zhu, The
Probability of Backtest Overfitting (2017), J. of Computational Finance 20(4).
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from cluster.errors import DataError
from envs.arrays import Float64
from train.stats.metrics import STILL

BLOCKS = 16  # S; 12,870 ways to choose half of them
_CHUNK = 1024  # ways at a time, so that a thousand trials fit into memory
_TIE = 1e-9  # ratios closer than this are equal: copies of one trial must not win by rounding


def overfitting_logits(returns: Float64, blocks: int = BLOCKS) -> Float64:
    """`ln(w / (1 - w))` of every way to choose half of the blocks, (C(S, S/2),).

    For each way, the trial with the highest Sharpe ratio over the chosen days is ranked by its
    ratio over the other days: `w = rank / (N + 1)`, ties at their mean rank.

    Args:
        returns: (N, D) daily returns of N trials over the same D days, no NaN.
        blocks: S, even; runs of days of equal length, give or take one.

    Raises:
        DataError: fewer than two trials, or fewer than two days a block.
    """
    trials, days = returns.shape
    if trials < 2 or days < 2 * blocks or blocks % 2 or not np.isfinite(returns).all():
        raise DataError(
            f"no probability of overfitting for {trials} trial(s) over {days} sessions",
            f"it needs two trials, {2 * blocks} sessions and no gap",
            "run more trials, or judge over a longer window",
        )
    sums = _BlockSums(returns, blocks)
    ways = [_logits(sums, chosen) for chosen in _halves(blocks)]
    return np.concatenate(ways)


def probability_of_overfitting(returns: Float64, blocks: int = BLOCKS) -> float:
    """Share of `overfitting_logits` at or below 0; arguments and errors as there."""
    return float(np.mean(overfitting_logits(returns, blocks) <= 0.0))


class _BlockSums:
    """Sums over each block, from which the ratio over any set of blocks follows."""

    def __init__(self, returns: Float64, blocks: int) -> None:
        edges = np.linspace(0, returns.shape[1], blocks + 1).round().astype(np.int64)
        self.means = returns.mean(axis=1)  # (N,)
        centred = returns - self.means[:, None]
        self.days = np.diff(edges).astype(np.float64)  # (S,)
        self.first = np.add.reduceat(centred, edges[:-1], axis=1).T  # (S, N)
        self.second = np.add.reduceat(centred**2, edges[:-1], axis=1).T  # (S, N)

    def ratios(self, chosen: Float64) -> Float64:
        """Sharpe ratios a day (W, N) over the blocks marked 1 in `chosen` (W, S)."""
        days = (chosen @ self.days)[:, None]
        mean = chosen @ self.first / days
        spread = (chosen @ self.second - days * mean**2) / (days - 1.0)
        deviation = np.sqrt(np.maximum(spread, 0.0))
        moves = deviation >= STILL
        ratios: Float64 = np.where(
            moves, (mean + self.means) / np.where(moves, deviation, 1.0), 0.0
        )
        return ratios


def _halves(blocks: int) -> Iterator[Float64]:
    """Every choice of half of the blocks as rows of 0 and 1, some at a time."""
    picks = np.array(list(combinations(range(blocks), blocks // 2)))
    for start in range(0, len(picks), _CHUNK):
        some = picks[start : start + _CHUNK]
        chosen = np.zeros((len(some), blocks))
        np.put_along_axis(chosen, some, 1.0, axis=1)
        yield chosen


def _logits(sums: _BlockSums, chosen: Float64) -> Float64:
    inside, outside = sums.ratios(chosen), sums.ratios(1.0 - chosen)
    best = np.argmax(inside, axis=1)[:, None]
    reached = np.take_along_axis(outside, best, axis=1)
    below = np.sum(outside < reached - _TIE, axis=1)
    equal = np.sum(np.abs(outside - reached) <= _TIE, axis=1)  # itself included
    share = (below + (equal + 1) / 2.0) / (outside.shape[1] + 1)
    logits: Float64 = np.log(share / (1.0 - share))
    return logits
