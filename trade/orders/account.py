"""Cash and positions at average cost, and what they are worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.errors import DataError
from trade.orders.orders import Fill, Side

DUST = 1e-6  # units: V6 calls a smaller position none


@dataclass(frozen=True, slots=True)
class Position:
    """Units held and their average execution price, fees left out."""

    quantity: float
    entry_price: float  # USD a unit


@dataclass(slots=True)
class Account:
    """An account in USD.

    Args:
        initial_balance: The cash it began with.
        cash: What is not invested.
        equity: Cash and positions at the last closing mark.
        peak: The highest equity of any closing mark.
        positions: By symbol; a symbol without a position is absent.
    """

    initial_balance: float
    cash: float
    equity: float
    peak: float
    positions: dict[str, Position] = field(default_factory=dict)

    @classmethod
    def opened_with(cls, initial_balance: float) -> "Account":
        """A fresh account that holds cash only."""
        return cls(initial_balance, initial_balance, initial_balance, initial_balance)

    def quantity(self, symbol: str) -> float:
        """Units held of `symbol`, 0 when none."""
        position = self.positions.get(symbol)
        return position.quantity if position else 0.0

    def apply(self, fill: Fill) -> None:
        """Book a fill.

        Raises:
            DataError: it sells more than is held.
        """
        if fill.side is Side.BUY:
            self._add(fill)
        else:
            self._reduce(fill)
        self.cash += fill.cash_change

    def value(self, prices: Mapping[str, float]) -> float:
        """Cash and positions at `prices` (USD by symbol), without marking the account."""
        held = sum(p.quantity * prices[symbol] for symbol, p in self.positions.items())
        return self.cash + held

    def mark(self, prices: Mapping[str, float]) -> None:
        """Set equity and peak at `prices`, USD by symbol."""
        self.equity = self.value(prices)
        self.peak = max(self.peak, self.equity)

    def _add(self, fill: Fill) -> None:
        held = self.positions.get(fill.symbol, Position(0.0, 0.0))
        quantity = held.quantity + fill.quantity
        cost = held.quantity * held.entry_price + fill.quantity * fill.price
        self.positions[fill.symbol] = Position(quantity, cost / quantity)

    def _reduce(self, fill: Fill) -> None:
        held = self.positions.get(fill.symbol, Position(0.0, 0.0))
        left = held.quantity - fill.quantity
        if left < -DUST:
            raise DataError(
                f"fill {fill.client_order_id} sells {fill.quantity} {fill.symbol}",
                f"only {held.quantity} are held",
                "restore its journal from a copy, or start another session",
            )
        if left < DUST:
            del self.positions[fill.symbol]
        else:
            self.positions[fill.symbol] = Position(left, held.entry_price)
