"""The loss breaker: a bad session gets no more entries."""

from trade.orders.denial import Denial
from trade.risk.risk import Entry, Limit, Share

TOLERANCE = 1e-12  # share of equity: a loss of exactly the limit trips in floating point too


class DailyLoss(Limit):
    """Loss since the last close of the session before that ends the session's entries.

    A share of that equity. What trips it is part of the journal's fold, see
    `trade.journal.state`: no restart re-arms it.
    """

    daily_loss: Share = 0.03

    def denial(self, entry: Entry) -> Denial | None:
        """See `Limit.denial`."""
        if entry.halt_loss is None:
            return None
        return Denial("DAILY_LOSS", self.daily_loss, entry.halt_loss, entry.symbol)


def daily_loss(day_start: float, equity: float) -> float:
    """Loss since the session before closed, share of the equity then; negative for a gain."""
    return (day_start - equity) / day_start


def trips_breaker(loss: float, limit: float) -> bool:
    """Whether a loss (share) ends the session's entries; exactly the limit does."""
    return loss >= limit - TOLERANCE
