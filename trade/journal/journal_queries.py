"""Tables that the app and the command line show, each folded from a journal's records."""

from collections.abc import Sequence
from typing import Any

from trade.journal.journal_format import Record
from trade.journal.state import state_from_journal
from trade.orders.protection import Protection

Row = dict[str, Any]


def state(records: Sequence[Record]) -> Row:
    """Where a session stands, in one row.

    `status` is EMPTY, RUNNING, HALTED (entries ended by the loss breaker) or ENDED; `bar_ts` is
    the last bar that was marked, `last_record` when the journal was last written. Both are ISO
    8601 in UTC; money is in USD.
    """
    if not records:
        return {"status": "EMPTY"}
    now = state_from_journal(records)
    marks = [record.payload for record in records if record.kind == "mark"]
    status = "ENDED" if now.ended else "HALTED" if now.halted_in(now.day_session) else "RUNNING"
    return {
        "session_id": now.opening.get("session_id"),
        "label": now.opening.get("label"),
        "bundle_id": now.opening.get("bundle_id"),
        "status": status,
        "equity": now.account.equity,
        "cash": now.account.cash,
        "peak": now.account.peak,
        "initial_balance": now.account.initial_balance,
        "day_start": now.day_start,
        "daily_loss": now.loss,
        "positions": len(now.account.positions),
        "open_orders": len(now.open_orders),
        "bar_ts": marks[-1]["bar_ts"] if marks else None,
        "last_record": records[-1].ts,
    }


def positions(records: Sequence[Record]) -> list[Row]:
    """What is held, with value, share of equity, gain, stop and target."""
    now = state_from_journal(records)
    prices: dict[str, float] = {}
    for record in records:
        if record.kind == "mark":
            prices.update(record.payload["prices"])
        elif record.kind == "fill":
            prices[record.payload["symbol"]] = record.payload["price"]
    levels = now.opening.get("protection")
    protection = Protection(**levels) if levels else None
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
        payload = record.payload
        if record.kind == "order":
            order_id = payload["client_order_id"]
            rows[order_id] = _order_row(payload, times.get(payload["bar"]))
        elif record.kind == "fill":
            filled = {name: payload[name] for name in ("quantity", "price", "fees", "cash_change")}
            rows[payload["client_order_id"]].update(filled, status="filled")
        elif record.kind == "rejection":
            rows[payload["client_order_id"]].update(status="rejected", reason=payload["reason"])
    return list(rows.values())


def equity_curve(records: Sequence[Record]) -> list[Row]:
    """Equity, cash and exposure (share of equity) at each close."""
    marks = (record.payload for record in records if record.kind == "mark")
    return [
        {
            "bar_ts": mark["bar_ts"],
            "equity": mark["equity"],
            "cash": mark["cash"],
            "exposure": 1.0 - mark["cash"] / mark["equity"],
        }
        for mark in marks
        if mark["at"] == "close"
    ]


def denials(records: Sequence[Record]) -> list[Row]:
    """Every order that was not sent: the limit, what it would have come to, and when."""
    times = _bar_times(records)
    return [
        {
            "bar_ts": times.get(payload["bar"]),
            "symbol": payload["symbol"],
            "code": payload["code"],
            "limit": payload["limit"],
            "asked": payload["asked"],
            "other": payload.get("other", ""),
        }
        for payload in (record.payload for record in records if record.kind == "denial")
    ]


def _bar_times(records: Sequence[Record]) -> dict[int, str]:
    marks = (record.payload for record in records if record.kind == "mark")
    return {mark["bar"]: mark["bar_ts"] for mark in marks}


def _order_row(payload: Row, bar_ts: str | None) -> Row:
    return {
        "bar_ts": bar_ts,
        "client_order_id": payload["client_order_id"],
        "symbol": payload["symbol"],
        "side": payload["side"],
        "leg": payload["leg"],
        "status": "submitted",
        "quantity": payload["quantity"],
        "notional": payload["notional"],
        "price": None,
        "fees": None,
        "cash_change": None,
        "reason": "",
    }
