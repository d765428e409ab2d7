"""The risk gate: entries must leave every limit unbroken; exits always pass.

Legend: E equity, V value of a position, q units, e average entry price, s stop-loss share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.errors import ConfigError
from trade.orders.account import Account, Position
from trade.orders.denial import Denial
from trade.orders.orders import Order
from trade.orders.protection import Protection

TOLERANCE = 1e-12  # share of equity: a loss of exactly the limit trips in floating point too


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """The four limits.

    Args:
        max_position: Largest value of one position, share of equity.
        portfolio_risk: Largest sum over positions of (price - stop) x quantity, share of equity.
        daily_loss: Loss since the last close of the session before that ends the session's
            entries, share of that equity.
        correlation: Entries must correlate less than this with every held symbol.
        correlation_bars: Bars of trailing returns that the correlation is measured on.
        min_correlation_bars: Common returns below which a correlation counts as unknown: refused.

    Raises:
        ConfigError: a limit is out of its range.
    """

    max_position: float = 0.05
    portfolio_risk: float = 0.02
    daily_loss: float = 0.03
    correlation: float = 0.7
    correlation_bars: int = 60
    min_correlation_bars: int = 20

    def __post_init__(self) -> None:
        for name in ("max_position", "portfolio_risk", "daily_loss", "correlation"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ConfigError(
                    f"{name} is {value}",
                    "a limit lies above 0 and at most at 1",
                    "use 0.05 for 5 %",
                )
        if not 3 <= self.min_correlation_bars <= self.correlation_bars:
            raise ConfigError(
                f"min_correlation_bars is {self.min_correlation_bars}",
                f"it must lie between 3 and correlation_bars ({self.correlation_bars})",
                "use 20 of 60",
            )


@dataclass(frozen=True, slots=True)
class EntryCost:
    """What buying costs at most: the worst execution price (USD), fee rate and commission."""

    worst_price: float
    fee_rate: float
    commission: float


@dataclass(frozen=True, slots=True)
class Book:
    """What the gate looks at: the account, prices by symbol (USD), and buys not yet filled."""

    account: Account
    prices: Mapping[str, float]
    pending: Sequence[Order] = ()

    def pending_notional(self, symbol: str) -> float:
        """USD of unfilled buys of `symbol`."""
        return sum(order.notional for order in self.pending if order.symbol == symbol)

    def exposed(self) -> list[str]:
        """Symbols held or about to be."""
        waiting = [o.symbol for o in self.pending if o.symbol not in self.account.positions]
        return [*self.account.positions, *dict.fromkeys(waiting)]


@dataclass(frozen=True, slots=True)
class Room:
    """The largest notional (USD) that a limit leaves for an entry."""

    code: str
    limit: float  # share of equity
    notional: float
    used: float  # share of equity taken already
    weight: float  # share of each further USD that counts against the limit

    def denial(self, symbol: str, notional: float, equity: float) -> Denial:
        """The refusal of an entry of `notional` USD."""
        return Denial(self.code, self.limit, self.used + self.weight * notional / equity, symbol)


class RiskGate:
    """Says how large an entry may be, and whether there may be one at all.

    Args:
        limits: The limits.
        protection: Where positions are stopped; without one their whole value is at risk.
    """

    def __init__(self, limits: RiskLimits, protection: Protection | None) -> None:
        self.limits = limits
        self._at_risk = protection.stop_loss if protection else 1.0  # share of the entry price

    def room(self, symbol: str, book: Book, cost: EntryCost) -> Room:
        """What is left for an entry in `symbol` under the tighter of the two exposure limits.

        The limits must hold after the fill, at the fill price, with the fees paid:
        `V + invest <= limit x (E - fees)`, where every buy costs `fee_rate` of its notional.
        """
        buys = sum(order.notional for order in book.pending)
        spendable = book.account.value(book.prices) - cost.commission * (1 + len(book.pending))
        equity = spendable - cost.fee_rate * buys
        return min(
            self._position_room(symbol, book, cost, equity),
            self._portfolio_room(symbol, book, cost, equity),
            key=lambda room: room.notional,
        )

    def _position_room(self, symbol: str, book: Book, cost: EntryCost, equity: float) -> Room:
        limit = self.limits.max_position
        held = book.account.quantity(symbol) * cost.worst_price + book.pending_notional(symbol)
        left = (limit * equity - held) / (1.0 + limit * cost.fee_rate)
        return Room("MAX_POSITION", limit, left, held / equity, 1.0)

    def _portfolio_room(self, symbol: str, book: Book, cost: EntryCost, equity: float) -> Room:
        limit = self.limits.portfolio_risk
        prices = {**book.prices, symbol: cost.worst_price}
        used = sum(
            self._loss_to_stop(position, prices[held])
            for held, position in book.account.positions.items()
        )
        used += self._at_risk * sum(order.notional for order in book.pending)
        left = (limit * equity - used) / (self._at_risk + limit * cost.fee_rate)
        return Room("PORTFOLIO_RISK", limit, left, used / equity, self._at_risk)

    def _loss_to_stop(self, position: Position, price: float) -> float:
        stop = position.entry_price * (1.0 - self._at_risk)
        return max(0.0, price - stop) * position.quantity


def daily_loss(day_start: float, equity: float) -> float:
    """Loss since the session before closed, share of the equity then; negative for a gain."""
    return (day_start - equity) / day_start


def trips_breaker(loss: float, limit: float) -> bool:
    """Whether a loss (share) ends the session's entries; exactly the limit does."""
    return loss >= limit - TOLERANCE
