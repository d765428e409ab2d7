"""What kind of market a bar lies in, told by it and by the bars before it alone.

Legend: A assets, T bars.
"""

from bisect import bisect_right, insort

import numpy as np

from envs import Market
from envs.arrays import Bool, Float64
from train.market.asset_returns import bar_returns

MEMORY = 140  # bars that trend and volatility are measured over: twenty sessions of hourly bars
CALM = 0.5  # of the volatilities seen so far: a calm bar's is below their median
EXTREME = 0.9  # and an extreme one's among their highest tenth
REGIMES = ("rising", "falling", "calm", "wild")


def regimes(market: Market) -> dict[str, Bool]:
    """Masks (T,) of the bars in each of `REGIMES`, by the bars up to and including each.

    `rising`: the mean of the last `MEMORY` returns of the equal-weight market is above 0, else
    `falling`. `calm`: their standard deviation is at most the median of those so far, else `wild`.
    So each bar is in two of the four; the first `MEMORY` bars are in none.
    """
    volatility, trend = trailing(market_returns(market))
    rank = rank_so_far(volatility)
    return {
        "rising": trend > 0.0,
        "falling": trend <= 0.0,
        "calm": rank <= CALM,
        "wild": rank > CALM,
    }


def market_returns(market: Market) -> Float64:
    """Log return (T,) of the equal-weight market; 0 where no asset has one.

    Over the assets that trade at the bar and have a return there: one that begins has none yet.
    """
    found = bar_returns(market)
    counted = found.known & market.tradable
    total = np.where(counted, found.log, 0.0).sum(axis=1)
    returns: Float64 = total / np.maximum(counted.sum(axis=1), 1)
    return returns


def trailing(returns: Float64) -> tuple[Float64, Float64]:
    """Standard deviation and mean (T,) of the last `MEMORY` returns; NaN where there are fewer."""
    volatility, trend = np.full((2, len(returns)), np.nan)
    if len(returns) > MEMORY:  # the first bar has no return
        windows = np.lib.stride_tricks.sliding_window_view(returns[1:], MEMORY)
        volatility[MEMORY:], trend[MEMORY:] = windows.std(axis=1), windows.mean(axis=1)
    return volatility, trend


def rank_so_far(values: Float64) -> Float64:
    """Share (T,) of the values up to each that are not above it; NaN where it is NaN."""
    seen: list[float] = []
    ranks = np.full(len(values), np.nan)
    for index in np.flatnonzero(~np.isnan(values)):
        value = float(values[index])
        insort(seen, value)
        ranks[index] = bisect_right(seen, value) / len(seen)
    return ranks
