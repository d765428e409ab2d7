"""Orders, fills and rejections, and the identity that makes a repeated order harmless."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Side(StrEnum):
    """The side of an order."""

    BUY = "buy"
    SELL = "sell"


class Leg(StrEnum):
    """What an order is for; a decision has at most one order per symbol and leg."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    LEAVER = "leaver"  # out of its slot: nobody's choice


def client_order_id(session_id: str, decision_id: str, symbol: str, leg: Leg) -> str:
    """The id of an order, the same after a restart: a broker fills an id once at most."""
    return f"{session_id}.{decision_id}.{symbol}.{leg.value}"


@dataclass(frozen=True, slots=True)
class Order:
    """A market order.

    Args:
        client_order_id: See `client_order_id`.
        symbol: What to trade.
        side: BUY spends `notional`, SELL gives `quantity`.
        leg: What the order is for.
        notional: USD to spend before fees; 0 for a SELL.
        quantity: Units to sell; 0 for a BUY.
        trigger_price: USD, the price a stop or a target triggered at; 0 means the bar's open.
    """

    client_order_id: str
    symbol: str
    side: Side
    leg: Leg
    notional: float = 0.0
    quantity: float = 0.0
    trigger_price: float = 0.0

    def payload(self) -> dict[str, Any]:
        """The fields of an `order` record."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side.value,
            "leg": self.leg.value,
            "notional": self.notional,
            "quantity": self.quantity,
            "trigger_price": self.trigger_price,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "Order":
        """The order of an `order` record."""
        return cls(
            client_order_id=payload["client_order_id"],
            symbol=payload["symbol"],
            side=Side(payload["side"]),
            leg=Leg(payload["leg"]),
            notional=payload["notional"],
            quantity=payload["quantity"],
            trigger_price=payload["trigger_price"],
        )


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled order: units, execution price, and what it did to the cash.

    Args:
        client_order_id: The order's.
        symbol: What was traded.
        side: BUY or SELL.
        quantity: Units, positive.
        price: USD a unit, with slippage and spread.
        cash_change: USD, negative for a BUY, with every fee and the commission.
        fees: USD, fees and commission.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: float
    price: float
    cash_change: float
    fees: float

    def payload(self) -> dict[str, Any]:
        """The fields of a `fill` record."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side.value,
            "quantity": self.quantity,
            "price": self.price,
            "cash_change": self.cash_change,
            "fees": self.fees,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "Fill":
        """The fill of a `fill` record."""
        return cls(
            client_order_id=payload["client_order_id"],
            symbol=payload["symbol"],
            side=Side(payload["side"]),
            quantity=payload["quantity"],
            price=payload["price"],
            cash_change=payload["cash_change"],
            fees=payload["fees"],
        )


@dataclass(frozen=True, slots=True)
class Rejection:
    """An order that the venue refused: final, nothing was traded."""

    client_order_id: str
    symbol: str
    reason: str

    def payload(self) -> dict[str, Any]:
        """The fields of a `rejection` record."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "reason": self.reason,
        }
