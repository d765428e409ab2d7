"""What followed each bar: the mean of the next ten closes against the price of a fill there.

The original's measure of an entry, and the same in units of what the asset usually moves.
Legend: T bars, A assets.
"""

from dataclasses import dataclass

import numpy as np

from envs import Market
from envs.arrays import Float64
from train.market.asset_returns import log_returns

AHEAD = 10  # closes
BAND = 0.01  # share of price: the original's
SCALED_BAND = 0.5  # standard deviations: 31 % of moves without drift are above it, 31 % below
MEMORY = 70  # bars that the volatility is measured over
_LEAST = 20  # of them


@dataclass(frozen=True, eq=False)
class Followed:
    """By the bar of the fill.

    NaN where less than ten closes, or no volatility, are known, and where a slot gets another name
    within those closes.
    """

    moves: Float64  # (T, A) mean of the next ten closes over the fill price, less 1
    scaled: Float64  # (T, A) the same over its standard deviation, as known at the decision

    def measures(self) -> tuple[tuple[str, Float64, float], ...]:
        """Name, values and band of both."""
        return ("band", self.moves, BAND), ("scaled", self.scaled, SCALED_BAND)


def followed(market: Market, fill_lag: int) -> Followed:
    """Measure every bar of a market as if something had been filled there.

    A fill at the open of bar m is followed by the closes m .. m + 9, one at the close of m by those
    of m + 1 .. m + 10; prices are those before costs. Without drift, the mean of ten closes of
    volatility s a bar deviates by `s sqrt(1^2 + ... + 10^2) / 10 = 1.96 s`; s is the standard
    deviation of the last 70 log returns up to the decision bar.

    Args:
        market: the bars; what follows may lie after the window that is looked at.
        fill_lag: bars from decision to fill, 0 or 1.
    """
    prices = market.require("open", "a fill at the open") if fill_lag else market.close
    first = 0 if fill_lag else 1
    sums = np.vstack([np.zeros(market.num_assets), np.cumsum(market.close, axis=0)])
    moves = np.full(market.close.shape, np.nan)
    known = market.num_bars - AHEAD - first + 1
    if known > 0:
        ahead = sums[first + AHEAD : first + AHEAD + known] - sums[first : first + known]
        moves[:known] = ahead / AHEAD / prices[:known] - 1.0
        if market.occupant is not None:
            last = market.occupant[first + AHEAD - 1 :][:known]
            moves[:known][market.occupant[:known] != last] = np.nan
    usual = np.full(market.close.shape, np.nan)
    usual[fill_lag:] = _volatility(log_returns(market))[: market.num_bars - fill_lag]
    usual *= np.sqrt(np.sum(np.arange(1, AHEAD + 1) ** 2)) / AHEAD
    usual[usual == 0.0] = np.nan
    return Followed(moves, moves / usual)


def _volatility(returns: Float64) -> Float64:
    """Standard deviation (T, A) of the last 70 of these returns, the first of which is none."""
    found = np.full(returns.shape, np.nan)
    for bar in range(_LEAST, len(returns)):
        found[bar] = returns[max(1, bar - MEMORY + 1) : bar + 1].std(axis=0, ddof=1)
    return found
