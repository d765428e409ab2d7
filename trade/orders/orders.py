"""Orders, fills and rejections, and the identity that makes a repeated order harmless."""

from dataclasses import dataclass
from enum import StrEnum


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

    @property
    def inside_bar(self) -> bool:
        """Whether it trades inside the bar that set it off, not at the open after a decision."""
        return self in (Leg.STOP_LOSS, Leg.TAKE_PROFIT)


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


@dataclass(frozen=True, slots=True)
class Rejection:
    """An order that the venue refused: final, nothing was traded."""

    client_order_id: str
    symbol: str
    reason: str
