"""A trading session as its journal tells it, for the pages and the `trade` commands."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from apps.cli.readers import JournalLog
from trade.journal import journal_queries as views
from trade.journal.events import Intent

ALIVE_WITHIN = timedelta(minutes=2)  # a session that works writes several records a minute
_MEANINGS = {
    "ENDED": "the session is over",
    "RUINED": "the account is ruined: half of it is lost, and the session is over",
    "HALTED": "the loss breaker tripped: no entries until the next session",
    "RUNNING": "the trader is writing its journal",
    "STOPPED": "the session was cut off; run the same replay with --resume",
}
Row = dict[str, Any]


@dataclass(frozen=True)
class SessionView:
    """What is known of one session; money in USD."""

    log: JournalLog
    summary: Row  # of `trade.journal.journal_queries`, as the tables below
    curve: tuple[Row, ...]  # `equity_curve` and `drawdown`, a share, 0 or negative
    positions: tuple[Row, ...]
    orders: tuple[Row, ...]  # orders and denials, newest first
    stages: dict[str, int]  # how many of each kind of record

    @property
    def label(self) -> str:
        """SIMULATED, REPLAY or PAPER."""
        return str(self.summary["label"])

    @property
    def switched_off(self) -> str:
        """What of risk gate and protection the session runs without; "" where both are on."""
        names = {"risk_gate": "risk gate", "protection": "stop-loss and take-profit"}
        return ", ".join(name for key, name in names.items() if not self.summary[key])

    @property
    def equity(self) -> float:
        """USD at the last closing mark."""
        return float(self.summary["equity"])

    @property
    def profit(self) -> float:
        """USD since the session began."""
        return self.equity - float(self.summary["initial_balance"])

    @property
    def profit_share(self) -> float:
        """Profit as a share of what the session began with."""
        return self.profit / float(self.summary["initial_balance"])

    @property
    def exposure(self) -> float:
        """Share of equity that is invested."""
        return float(self.curve[-1]["exposure"]) if self.curve else 0.0

    @property
    def drawdown(self) -> float:
        """Share lost since the highest equity, zero or negative."""
        return float(self.curve[-1]["drawdown"]) if self.curve else 0.0

    @property
    def bar_ts(self) -> datetime | None:
        """Open time of the last bar that was marked, UTC."""
        stamp = self.summary["bar_ts"]
        return datetime.fromisoformat(stamp) if stamp else None

    @property
    def denials(self) -> Counter[str]:
        """Denials by reason."""
        return Counter(row["reason"].split(":")[0] for row in self.denied)

    @property
    def denied(self) -> list[Row]:
        """The rows of `orders` that were denied."""
        return [row for row in self.orders if row["status"] == "denied"]

    def status(self, now: datetime) -> tuple[str, str]:
        """What the journal says, or STOPPED when nothing was written lately; and what it means."""
        status = str(self.summary["status"])
        written = self.log.last_written
        if status == "RUNNING" and (written is None or now - written > ALIVE_WITHIN):
            status = "STOPPED"
        return status, _MEANINGS[status]


def view_session(log: JournalLog) -> SessionView | None:
    """Fold a journal; None before a session was started in it.

    Raises:
        DataError: its records contradict each other.
    """
    records = log.records
    if not records:
        return None
    kinds = Counter(record.kind for record in records)
    events = (record.event for record in records)
    legs = sum(len(event.legs) for event in events if isinstance(event, Intent))
    stages = {"intents": legs, "protections": kinds["protection"]}
    stages |= {f"{kind}s": kinds[kind] for kind in ("order", "fill", "denial", "rejection")}
    orders = [*views.orders(records), *map(_denied_row, views.denials(records))]
    orders.sort(key=lambda row: row["bar_ts"] or "", reverse=True)
    return SessionView(
        log,
        views.state(records),
        tuple(_with_drawdown(views.equity_curve(records))),
        tuple(views.positions(records)),
        tuple(orders),
        stages,
    )


def _with_drawdown(curve: list[Row]) -> list[Row]:
    peaks = accumulate((row["equity"] for row in curve), max)
    return [
        row | {"drawdown": row["equity"] / peak - 1.0}
        for row, peak in zip(curve, peaks, strict=True)
    ]


def _denied_row(denial: Row) -> Row:
    pair = f" with {denial['other']}" if denial["other"] else ""
    return {
        "bar_ts": denial["bar_ts"],
        "symbol": denial["symbol"],
        "status": "denied",
        "reason": f"{denial['code']}: asked {denial['asked']:.4g}, "
        f"limit {denial['limit']:.4g}{pair}",
    }
