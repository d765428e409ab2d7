"""Where episodes start while a policy is young: in calm, rising markets first, everywhere at last.

The bars themselves stay whole: an episode that starts in a calm market walks into whatever follows.
What a bar is called depends on it and on the bars before it alone.

Legend: A assets, T bars.
"""

import math
from bisect import bisect_right, insort
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cluster.errors import ConfigError
from envs import Market
from train.scenario_sections import Curriculum, Phase, Starts

MEMORY = 140  # bars that trend and volatility are measured over: twenty sessions of hourly bars
CALM = 0.5  # of the volatilities seen so far: a calm bar's is below their median
EXTREME = 0.9  # and an extreme one's among their highest tenth

Float64 = npt.NDArray[np.float64]


def start_weights(market: Market, starts: Starts) -> Float64 | None:
    """Weights (T,) of the bars as episodes' first ones; None for `hard`: all alike.

    `easy`: volatility below the median so far, and a rising market. `medium`: volatility outside
    the highest tenth so far. Bars with less than `MEMORY` bars before them start no episode.
    """
    if starts == "hard":
        return None
    returns = market_returns(market)
    volatility, trend = _trailing(returns)
    rank = _rank_so_far(volatility)
    if starts == "easy":
        return ((rank <= CALM) & (trend > 0.0)).astype(np.float64)
    return (rank <= EXTREME).astype(np.float64)


def market_returns(market: Market) -> Float64:
    """Log return (T,) of the equal-weight market, over the assets that trade at each bar."""
    moves = np.diff(np.log(market.close), axis=0, prepend=np.log(market.close[:1]))
    trading = market.tradable.sum(axis=1)
    total = np.where(market.tradable, moves, 0.0).sum(axis=1)
    returns: Float64 = total / np.maximum(trading, 1)
    return returns


def _trailing(returns: Float64) -> tuple[Float64, Float64]:
    """Standard deviation and mean (T,) of the last `MEMORY` returns; NaN where there are fewer."""
    volatility, trend = np.full((2, len(returns)), np.nan)
    if len(returns) > MEMORY:  # the first bar has no return
        windows = np.lib.stride_tricks.sliding_window_view(returns[1:], MEMORY)
        volatility[MEMORY:], trend[MEMORY:] = windows.std(axis=1), windows.mean(axis=1)
    return volatility, trend


def _rank_so_far(values: Float64) -> Float64:
    """Share (T,) of the values up to each that are not above it; NaN where it is NaN."""
    seen: list[float] = []
    ranks = np.full(len(values), np.nan)
    for index in np.flatnonzero(~np.isnan(values)):
        value = float(values[index])
        insort(seen, value)
        ranks[index] = bisect_right(seen, value) / len(seen)
    return ranks


@dataclass(frozen=True)
class Stage:
    """A phase of a curriculum, in environment steps."""

    starts: Starts
    end: float  # steps taken when the next one begins

    def weights(self, market: Market, window: tuple[int, int]) -> Float64 | None:
        """See `start_weights`.

        Args:
            market: the bars.
            window: first and last bar that episodes may see.

        Raises:
            ConfigError: no bar of the window is of that kind.
        """
        weights, (low, high) = start_weights(market, self.starts), window
        if weights is not None and not weights[low:high].any():
            raise ConfigError(
                f"curriculum phase {self.starts} has no bar to start at",
                f"none of bars {low} to {high - 1} is of that kind",
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
