"""Events of a journal, with what a test does not care about filled in."""

from typing import Any

from trade.journal.events import (
    EntryDenied,
    IntendedLeg,
    Intent,
    Mark,
    OrderFilled,
    OrderRejected,
    OrderSent,
    ProtectionHit,
    SessionStarted,
)
from trade.orders.orders import Leg, Side
from trade.orders.protection import Protection


def started(initial_balance: float = 1000.0, **changes: Any) -> SessionStarted:
    terms = {
        "session_id": "s",
        "label": "SIMULATED",
        "bundle_id": "0123456789abcdef",
        "symbols": ("A",),
        "params": {},
        "limits": None,
        "protection": None,
        "seed": 0,
        "data": "",
        "first": 0,
        "last": 9,
    }
    return SessionStarted(initial_balance=initial_balance, **terms | changes)


def mark(at: str, bar: int = 0, session: int = 1, **prices: float) -> Mark:
    times = {"bar": bar, "bar_ts": "2026-01-02T14:30:00+00:00", "session": session}
    return Mark(at=at, prices=prices, cash=0.0, equity=0.0, **times)


def intent(*order_ids: str, bar: int = 0) -> Intent:
    legs = [IntendedLeg(symbol="A", side=Side.BUY, client_order_id=name) for name in order_ids]
    return Intent(decision_id="d", bar=bar, legs=legs)


def order(order_id: str, symbol: str = "A") -> OrderSent:
    sizes = {"notional": 100.0, "quantity": 0.0, "trigger_price": 0.0}
    what = {"client_order_id": order_id, "symbol": symbol, "side": Side.BUY, "leg": Leg.ENTRY}
    return OrderSent(bar=1, **what, **sizes)


def fill(order_id: str, leg: str, bar: int = 1, decided_in: int = 1, **changes: Any) -> OrderFilled:
    side = Side.BUY if leg == "entry" else Side.SELL
    quantity, price = changes.pop("quantity", 1.0), changes.pop("price", 100.0)
    booked = {
        "symbol": "A",
        "side": side,
        "quantity": quantity,
        "price": price,
        "cash_change": quantity * price * (-1 if side is Side.BUY else 1),
        "fees": 0.0,
    }
    when = {"client_order_id": order_id, "leg": leg, "bar": bar, "decided_in": decided_in}
    return OrderFilled(**when, **booked | changes)


def rejection(order_id: str) -> OrderRejected:
    return OrderRejected(
        client_order_id=order_id, symbol="A", leg=Leg.ENTRY, reason="NO_CASH", bar=1
    )


def denial(order_id: str) -> EntryDenied:
    numbers = {"code": "MAX_POSITION", "limit": 0.05, "asked": 0.06}
    return EntryDenied(client_order_id=order_id, symbol="A", bar=1, **numbers)


def stop(order_id: str) -> ProtectionHit:
    where = {"symbol": "A", "leg": Leg.STOP_LOSS, "bar": 1}
    return ProtectionHit(client_order_id=order_id, price=95.0, gap=False, **where)


STOPS = Protection(stop_loss=0.05)
