"""Where episodes start while a policy is young: in calm, rising markets first, everywhere at last.

The bars themselves stay whole: an episode that starts in a calm market walks into whatever follows.
What a bar is called depends on it and on the bars before it alone.

Legend: A assets, T bars.
"""

import math
from dataclasses import dataclass

import numpy as np

from cluster.errors import ConfigError
from envs import Market, Window
from envs.arrays import Float64
from train.market.regimes import CALM, EXTREME, market_returns, rank_so_far, trailing
from train.scenarios.sections import Curriculum, Phase, Starts


def start_weights(market: Market, starts: Starts) -> Float64 | None:
    """Weights (T,) of the bars as episodes' first ones; None for `hard`: all alike.

    `easy`: volatility below the median so far, and a rising market. `medium`: volatility outside
    the highest tenth so far. Bars with less than `train.market.regimes.MEMORY` bars before them
    start no episode.
    """
    if starts == "hard":
        return None
    volatility, trend = trailing(market_returns(market))
    rank = rank_so_far(volatility)
    if starts == "easy":
        return ((rank <= CALM) & (trend > 0.0)).astype(np.float64)
    return (rank <= EXTREME).astype(np.float64)


@dataclass(frozen=True)
class Stage:
    """A phase of a curriculum, in environment steps."""

    starts: Starts
    end: float  # steps taken when the next one begins

    def weights(self, market: Market, window: Window) -> Float64 | None:
        """See `start_weights`.

        Args:
            market: the bars.
            window: the bars that episodes may see.

        Raises:
            ConfigError: no bar of the window is of that kind.
        """
        weights = start_weights(market, self.starts)
        low, last = window.start, window.last  # no episode starts at the last bar
        if weights is not None and not weights[low:last].any():
            raise ConfigError(
                f"curriculum phase {self.starts} has no bar to start at",
                f"none of bars {low} to {last - 1} is of that kind",
                "leave the phase out, or learn from a longer window",
            )
        return weights


EVERYWHERE = Stage("hard", math.inf)  # what there is without a curriculum


def stage_at(curriculum: Curriculum, total_steps: int, steps: int) -> Stage:
    """The phase after `steps` steps; the last one never ends."""
    *phases, last = curriculum.phases or (Phase(starts="hard", share=1.0),)
    end = 0.0
    for phase in phases:
        end += phase.share * total_steps
        if steps < end:
            return Stage(phase.starts, end)
    return Stage(last.starts, math.inf)
