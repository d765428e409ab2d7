"""Whether a new position would be the same bet as a held one."""

import numpy as np
from pydantic import Field, model_validator

from trade.orders.denial import Denial
from trade.risk.risk import Entry, Limit, Share


class Correlation(Limit):
    """Entries must correlate less than `correlation` with every held symbol.

    Pearson correlation of the log returns of the last `correlation_bars` bars; with fewer than
    `min_correlation_bars` common ones it counts as unknown, which is a refusal. Adding to a held
    symbol is no new bet and not refused here, whatever else is held: the position limit governs it.
    """

    correlation: Share = 0.7
    correlation_bars: int = 60
    min_correlation_bars: int = Field(default=20, ge=3)

    @model_validator(mode="after")
    def _enough_bars(self) -> "Correlation":
        if self.min_correlation_bars > self.correlation_bars:
            raise ValueError(
                f"min_correlation_bars is more than correlation_bars ({self.correlation_bars})"
            )
        return self

    def denial(self, entry: Entry) -> Denial | None:
        """See `Limit.denial`."""
        if not entry.history.trades(entry.symbol):
            # Let through, it would leave the correlation of all entries after it unknown.
            return Denial("NOT_TRADABLE", 1.0, 0.0, entry.symbol)
        others = () if entry.symbol in entry.exposed else entry.exposed
        denials = (self._deny_pair(entry, other) for other in others)
        return next((denial for denial in denials if denial), None)

    def _deny_pair(self, entry: Entry, other: str) -> Denial | None:
        symbol, needed = entry.symbol, self.min_correlation_bars
        returns = entry.history.returns(symbol, other, self.correlation_bars)
        moving = len(returns) >= needed and bool((returns.std(axis=0) > 0).all())
        if not moving:
            return Denial("CORRELATION_UNKNOWN", float(needed), float(len(returns)), symbol, other)
        measured = float(np.corrcoef(returns, rowvar=False)[0, 1])
        if measured >= self.correlation:
            return Denial("CORRELATION", self.correlation, measured, symbol, other)
        return None
