"""Whether a new position would be the same bet as a held one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trade.orders.denial import Denial
from trade.risk.risk import RiskLimits


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """Closing prices up to and including the bar that is decided on.

    Args:
        symbols: A names, in column order.
        close: (T, A) f64, USD.
        tradable: (T, A) bool; a return counts where both of its bars are.
    """

    symbols: tuple[str, ...]
    close: np.ndarray
    tradable: np.ndarray

    def returns(self, first: str, second: str) -> np.ndarray:
        """Log returns that both symbols have: (N, 2) f64."""
        pair = [self.symbols.index(first), self.symbols.index(second)]
        traded = np.logical_and(*self.tradable[:, pair].T)
        both = traded[1:] & traded[:-1]
        returns: np.ndarray = np.log(self.close[1:, pair][both] / self.close[:-1, pair][both])
        return returns


def deny_correlated(
    symbol: str, exposed: Iterable[str], history: PriceHistory, limits: RiskLimits
) -> Denial | None:
    """Refuse an entry that correlates with a held symbol, or whose correlation is unknown.

    Pearson correlation of trailing log returns. Adding to a held symbol is not refused here: the
    position limit governs it.

    Args:
        symbol: The entry's symbol.
        exposed: Symbols held or about to be.
        history: The last `limits.correlation_bars` bars and one before.
        limits: The limits.
    """
    for other in exposed:
        if other == symbol:
            continue
        denial = _deny_pair(symbol, other, history.returns(symbol, other), limits)
        if denial:
            return denial
    return None


def _deny_pair(symbol: str, other: str, returns: np.ndarray, limits: RiskLimits) -> Denial | None:
    needed = limits.min_correlation_bars
    moving = len(returns) >= needed and bool((returns.std(axis=0) > 0).all())
    if not moving:
        return Denial("CORRELATION_UNKNOWN", float(needed), float(len(returns)), symbol, other)
    measured = float(np.corrcoef(returns, rowvar=False)[0, 1])
    if measured >= limits.correlation:
        return Denial("CORRELATION", limits.correlation, measured, symbol, other)
    return None
