"""Tables that the app and the command line show, each folded from a journal's records."""

from collections.abc import Sequence
from typing import Any

from trade.journal.events import EntryDenied, Mark, OrderFilled, OrderRejected, OrderSent
from trade.journal.journal_format import Record
from trade.journal.state import state_from_journal

Row = dict[str, Any]


def state(records: Sequence[Record]) -> Row:
    """Where a session stands, in one row.

    `status` is EMPTY, RUNNING, HALTED (entries ended by the loss breaker), RUINED or ENDED;
    `risk_gate` and `protection` say whether they are on; `bar_ts` is the last bar that was marked,
    `last_record` when the journal was last written. Both are ISO 8601 in UTC; money is in USD.
    """
    if not records:
        return {"status": "EMPTY"}
    now = state_from_journal(records)
    opening, marks = now.opening, _marks(records)
    status = "HALTED" if now.halted else "RUNNING"
    if now.ended:
        status = "RUINED" if now.ruined else "ENDED"
    return {
        "session_id": opening.session_id if opening else None,
        "label": opening.label if opening else None,
        "bundle_id": opening.bundle_id if opening else None,
        "risk_gate": opening is not None and opening.limits is not None,
        "protection": opening is not None and opening.protection is not None,
        "status": status,
        "equity": now.account.equity,
        "cash": now.account.cash,
        "peak": now.account.peak,
        "initial_balance": now.account.initial_balance,
        "day_start": now.day_start,
        "daily_loss": now.loss,
        "positions": len(now.account.positions),
        "open_orders": len(now.open_orders),
        "bar_ts": marks[-1].bar_ts if marks else None,
        "last_record": records[-1].ts,
    }


def positions(records: Sequence[Record]) -> list[Row]:
    """What is held, with value, share of equity, gain, stop and target."""
    now = state_from_journal(records)
    prices: dict[str, float] = {}
    for record in records:
        match record.event:
            case Mark() as mark:
                prices.update(mark.prices)
            case OrderFilled() as fill:
                prices[fill.symbol] = fill.price
    protection = now.opening.protection if now.opening else None
    equity = now.account.value(prices)
    return [
        {
            "symbol": symbol,
            "quantity": held.quantity,
            "entry_price": held.entry_price,
            "price": prices[symbol],
            "value": held.quantity * prices[symbol],
            "share": held.quantity * prices[symbol] / equity,
            "gain": (prices[symbol] - held.entry_price) * held.quantity,
            "stop": protection.stop_price(held.entry_price) if protection else None,
            "target": protection.target_price(held.entry_price) if protection else None,
        }
        for symbol, held in sorted(now.account.positions.items())
    ]


def orders(records: Sequence[Record]) -> list[Row]:
    """Every order that was sent, with its outcome; `submitted` while there is none."""
    times = _bar_times(records)
    rows: dict[str, Row] = {}
    for record in records:
        match record.event:
            case OrderSent() as order:
                rows[order.client_order_id] = _order_row(order, times.get(order.bar))
            case OrderFilled() as fill:
                filled = fill.model_dump(include={"quantity", "price", "fees", "cash_change"})
                rows[fill.client_order_id].update(filled, status="filled")
            case OrderRejected() as rejection:
                refused = {"status": "rejected", "reason": rejection.reason}
                rows[rejection.client_order_id].update(refused)
    return list(rows.values())


def equity_curve(records: Sequence[Record]) -> list[Row]:
    """Equity, cash and exposure (share of equity) at each close."""
    return [
        {
            "bar_ts": mark.bar_ts,
            "equity": mark.equity,
            "cash": mark.cash,
            "exposure": 1.0 - mark.cash / mark.equity,
        }
        for mark in _marks(records)
        if mark.at == "close"
    ]


def denials(records: Sequence[Record]) -> list[Row]:
    """Every order that was not sent: the limit, what it would have come to, and when."""
    times = _bar_times(records)
    shown = {"symbol", "code", "limit", "asked", "other"}
    events = [record.event for record in records]
    return [
        {"bar_ts": times.get(event.bar)} | event.model_dump(include=shown)
        for event in events
        if isinstance(event, EntryDenied)
    ]


def _bar_times(records: Sequence[Record]) -> dict[int, str]:
    return {mark.bar: mark.bar_ts for mark in _marks(records)}


def _marks(records: Sequence[Record]) -> list[Mark]:
    return [record.event for record in records if isinstance(record.event, Mark)]


def _order_row(order: OrderSent, bar_ts: str | None) -> Row:
    return {
        "bar_ts": bar_ts,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "leg": order.leg.value,
        "status": "submitted",
        "quantity": order.quantity,
        "notional": order.notional,
        "price": None,
        "fees": None,
        "cash_change": None,
        "reason": "",
    }
