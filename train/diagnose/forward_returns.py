"""What followed each bar: the mean of the next ten closes against the price of a fill there.

The original's measure of an entry, and the same in units of what the asset usually moves.
Legend: T bars, A assets.
"""

from dataclasses import dataclass

import numpy as np

from envs import Market
from envs.arrays import Bool, Float64
from train.market.asset_returns import BarReturns, bar_returns

AHEAD = 10  # closes
BAND = 0.01  # share of price: the original's
SCALED_BAND = 0.5  # standard deviations: 31 % of moves without drift are above it, 31 % below
MEMORY = 70  # bars that the volatility is measured over
_LEAST = 20  # of them that have a return


@dataclass(frozen=True, eq=False)
class Followed:
    """By the bar of the fill.

    NaN where an asset does not trade, where less than ten closes, or no volatility, are known, and
    where a slot gets another name within those closes. The price that is carried after an asset's
    last bar is no close.
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
        filled = market.tradable[:known] & _trades_after(market, first + AHEAD - 1)[:known]
        moves[:known][filled] = ahead[filled] / AHEAD / prices[:known][filled] - 1.0
        if market.occupant is not None:
            last = market.occupant[first + AHEAD - 1 :][:known]
            moves[:known][market.occupant[:known] != last] = np.nan
    usual = np.full(market.close.shape, np.nan)
    usual[fill_lag:] = _volatility(bar_returns(market))[: market.num_bars - fill_lag]
    usual *= np.sqrt(np.sum(np.arange(1, AHEAD + 1) ** 2)) / AHEAD
    usual[usual == 0.0] = np.nan
    return Followed(moves, moves / usual)


def _trades_after(market: Market, ahead: int) -> Bool:
    """Whether an asset still trades so many bars after each, or later, (T, A)."""
    still = np.logical_or.accumulate(market.tradable[::-1], axis=0)[::-1]
    found = np.zeros_like(still)
    found[: len(still) - ahead] = still[ahead:]
    return found


def _volatility(returns: BarReturns) -> Float64:
    """Standard deviation (T, A) of those of the last 70 bars' returns that are known."""
    found = np.full(returns.log.shape, np.nan)
    for bar in range(_LEAST, len(found)):
        rows = slice(max(1, bar - MEMORY + 1), bar + 1)
        enough = returns.known[rows].sum(axis=0) >= _LEAST
        counted = returns.known[rows] | ~enough  # whatever those give is not taken
        found[bar] = returns.log[rows].std(axis=0, ddof=1, where=counted)
        found[bar, ~enough] = np.nan
    return found
