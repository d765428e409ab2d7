"""What each asset earned from bar to bar: between two prices of one name, and nowhere else.

A name that begins later has price 0 before its first bar, and an empty slot has none at all; a
slot may change its name. Whoever reckons with returns asks here which of them there are.

Legend: A assets, T bars.
"""

from dataclasses import dataclass

import numpy as np

from envs import Market
from envs.arrays import Bool, Float64


@dataclass(frozen=True, eq=False)
class BarReturns:
    """Log returns, and which of them are known; one of a carried price is known to be 0."""

    log: Float64  # (T, A), 0 where there is none
    known: Bool  # (T, A); none at the first bar, nor at the first price of a name


def bar_returns(market: Market) -> BarReturns:
    """Log returns from close to close.

    At the bar where a slot has a new name, the price jumps and nobody earns that: the return is
    the newcomer's from its open, and there is none in a Market without opens.
    """
    priced = market.close > 0.0
    prices = np.log(np.where(priced, market.close, 1.0))
    known = np.zeros(priced.shape, np.bool_)
    known[1:] = priced[1:] & priced[:-1]
    log = np.where(known, np.diff(prices, axis=0, prepend=prices[:1]), 0.0)
    if market.occupant is None:
        return BarReturns(log, known)
    came = np.diff(market.occupant, axis=0, prepend=market.occupant[:1]) != 0
    opens = np.zeros(priced.shape) if market.open is None else market.open
    newcomer = came & priced & (opens > 0.0)
    known = np.where(came, newcomer, known)
    log[came] = 0.0
    log[newcomer] = np.log(market.close[newcomer] / opens[newcomer])
    return BarReturns(log, known)
