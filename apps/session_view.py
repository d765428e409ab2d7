"""A trading session as its journal tells it: account, curve, positions, orders, denials."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.readers import JournalLog
from trade.protection import Protection
from trade.records import Record
from trade.state import SessionState

ALIVE_WITHIN = timedelta(minutes=2)  # a session that works writes several records a minute


@dataclass(frozen=True)
class CurvePoint:
    """The account at one closing mark, USD."""

    ts: datetime  # open time of the bar, UTC
    equity: float
    cash: float
    drawdown: float  # share of the highest equity so far, zero or negative


@dataclass(frozen=True)
class SessionView:
    """What the trading pages show."""

    log: JournalLog
    state: SessionState
    curve: tuple[CurvePoint, ...]
    orders: tuple[dict[str, Any], ...]
    denials: Counter[str]
    stages: dict[str, int]
    prices: dict[str, float]  # USD, the last mark of each symbol

    @property
    def label(self) -> str:
        """SIMULATED, REPLAY or PAPER."""
        return str(self.state.opening["label"])

    @property
    def bar_ts(self) -> datetime | None:
        """Open time of the last bar that was marked."""
        return self.curve[-1].ts if self.curve else None

    @property
    def equity(self) -> float:
        """USD at the last closing mark."""
        return self.state.account.equity

    @property
    def initial_balance(self) -> float:
        """USD that the session began with."""
        return self.state.account.initial_balance

    @property
    def drawdown(self) -> float:
        """Share lost since the highest equity, zero or negative."""
        return self.curve[-1].drawdown if self.curve else 0.0

    @property
    def exposure(self) -> float:
        """Share of equity that is invested."""
        return 1.0 - self.state.account.cash / self.equity if self.equity else 0.0

    def status(self, now: datetime) -> tuple[str, str]:
        """The trader's state and what it means: Ended, Halted, Running or Not running."""
        if self.state.ended:
            return "Ended", "the session is over"
        day = self.state.day_session
        if day is not None and self.state.halted_in(day):
            return "Halted", f"daily loss {self.state.loss:.2%}: no entries until the next session"
        written = self.log.last_written
        if written is not None and now - written <= ALIVE_WITHIN:
            return "Running", "the trader is writing its journal"
        return "Not running", "the session was cut off; run the same replay again to resume it"

    def positions(self) -> list[dict[str, Any]]:
        """One row a position; prices in USD."""
        protection = self.state.opening["protection"]
        levels = Protection(**protection) if protection else None
        return [self._position(symbol, levels) for symbol in sorted(self.state.account.positions)]

    def _position(self, symbol: str, levels: Protection | None) -> dict[str, Any]:
        held = self.state.account.positions[symbol]
        last = self.prices.get(symbol, held.entry_price)
        return {
            "symbol": symbol,
            "quantity": held.quantity,
            "entry": held.entry_price,
            "last": last,
            "value": held.quantity * last,
            "profit": held.quantity * (last - held.entry_price),
            "profit_share": last / held.entry_price - 1.0,
            "equity_share": held.quantity * last / self.equity,
            "stop_loss": levels.stop_price(held.entry_price) if levels else None,
            "take_profit": levels.target_price(held.entry_price) if levels else None,
        }


@dataclass
class _Collector:
    """Folds records into what a `SessionView` holds."""

    state: SessionState = field(default_factory=SessionState)
    curve: list[CurvePoint] = field(default_factory=list)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    denials: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    prices: dict[str, float] = field(default_factory=dict)
    bar_ts: str = ""

    def take(self, record: Record) -> None:
        """Take in one record."""
        self.state.apply(record)
        payload = record.payload
        if record.kind == "mark":
            self._mark(payload)
        elif record.kind == "intent":
            self.stages["intents"] += len(payload["legs"])
        elif record.kind == "protection":
            self.stages["protections"] += 1
        elif record.kind == "order":
            self.stages["orders"] += 1
            self._outcome(payload, "sent")
        elif record.kind == "fill":
            self.stages["fills"] += 1
            self._outcome(payload, "filled")
        elif record.kind in ("denial", "rejection"):
            self.stages[f"{record.kind}s"] += 1
            self._refusal(record)

    def _mark(self, payload: dict[str, Any]) -> None:
        self.prices |= payload["prices"]
        self.bar_ts = payload["bar_ts"]
        if payload["at"] == "close":
            account = self.state.account
            ts = datetime.fromisoformat(payload["bar_ts"]).astimezone(UTC)
            loss = account.equity / account.peak - 1.0 if account.peak else 0.0
            self.curve.append(CurvePoint(ts, account.equity, account.cash, loss))

    def _outcome(self, payload: dict[str, Any], outcome: str) -> None:
        row = self.orders.setdefault(payload["client_order_id"], self._row(payload))
        row["outcome"] = outcome
        if outcome == "filled":
            row |= {key: payload[key] for key in ("quantity", "price", "fees")}

    def _refusal(self, record: Record) -> None:
        payload = record.payload
        row = self.orders.setdefault(payload["client_order_id"], self._row(payload))
        if record.kind == "rejection":
            row |= {"outcome": "rejected", "reason": payload["reason"]}
            return
        self.denials[payload["code"]] += 1
        asked, limit = payload["asked"], payload["limit"]
        row |= {"outcome": "denied", "reason": f"{payload['code']}: {asked:.4g} > {limit:.4g}"}

    def _row(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {
            "bar": self.bar_ts[:16].replace("T", " "),
            "symbol": payload["symbol"],
            "side": payload.get("side", "buy"),
            "leg": payload.get("leg", "entry"),
            "outcome": "",
            "quantity": None,
            "price": None,
            "fees": None,
            "reason": "",
        }


def view_session(log: JournalLog) -> SessionView | None:
    """Fold a journal for the pages; None before a session was started in it.

    Raises:
        DataError: its records contradict each other.
    """
    if not log.records:
        return None
    collected = _Collector()
    for record in log.records:
        collected.take(record)
    names: Sequence[str] = ("intents", "protections", "orders", "fills", "denials", "rejections")
    return SessionView(
        log,
        collected.state,
        tuple(collected.curve),
        tuple(reversed(collected.orders.values())),
        collected.denials,
        {name: collected.stages[name] for name in names},
        collected.prices,
    )
