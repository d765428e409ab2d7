"""Intervals for shares of events that come in clusters: whole blocks of days are drawn anew.

Events of one day share its news, and what follows one overlaps with what follows the next, so they
count for less than their number. Politis and Romano, A Circular Block-Resampling Procedure for
Stationary Data (1992), in Exploring the Limits of Bootstrap.
"""

import numpy as np

from envs.arrays import Bool, Int64
from train.stats.significance import LEVEL, REPETITIONS, Interval


class DayBlocks:
    """How often each of D days is drawn, in 2,000 draws of blocks of neighbouring days.

    Args:
        days: D.
        block: days a block; at most D.
        seed: the same seed gives the same draws.
    """

    def __init__(self, days: int, block: int, seed: int = 0) -> None:
        self.days = days
        block = min(max(block, 1), days)
        count = -(-days // block)
        starts = np.random.default_rng(seed).integers(0, days, (REPETITIONS, count, 1))
        drawn = ((starts + np.arange(block)) % days).reshape(REPETITIONS, -1)[:, :days]
        flat = np.arange(REPETITIONS)[:, None] * days + drawn
        counts = np.bincount(flat.ravel(), minlength=REPETITIONS * days)
        self._counts = counts.reshape(REPETITIONS, days).astype(np.float64)

    def share(self, hits: Bool, day: Int64) -> Interval | None:
        """95 % interval of the share of events that are hits; None without events.

        Args:
            hits: (n,) of the events.
            day: (n,) day of each, 0 .. D - 1.
        """
        if len(hits) == 0:
            return None
        events = self._counts @ np.bincount(day, minlength=self.days)
        scored = self._counts @ np.bincount(day, weights=hits, minlength=self.days)
        drawn = scored[events > 0.0] / events[events > 0.0]
        tail = (1.0 - LEVEL) / 2.0
        low, high = np.quantile(drawn, [tail, 1.0 - tail])
        return Interval(float(low), float(high))
