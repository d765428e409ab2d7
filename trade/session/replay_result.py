"""What a replay amounts to, read from its journal alone."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from trade.journal.audit import audit
from trade.journal.events import Decision, EntryDenied, Mark, OrderFilled, SessionStarted
from trade.journal.journal_format import Record
from trade.journal.state import state_from_journal


@dataclass(frozen=True)
class ReplayResult:
    """What a replay's journal says.

    Args:
        session_id: Of the trading session.
        journal: Its file.
        sessions: Exchange sessions traded.
        decisions: Times that the policy was asked.
        policy_failures: Decisions without a usable answer, for all symbols or for some: HOLD.
        orders: Orders sent.
        fills: Orders filled.
        rejections: Orders that the broker refused.
        denials: Orders that were not sent, by code.
        risk_breaches: Breaches that an independent audit of the journal finds; 0 is right.
        protection_exits: Fills of stops and targets.
        halts: Sessions whose entries the loss breaker ended.
        halted: Why the last one ended without entries: DAILY_LOSS or RUIN; "" where it did not.
        equity_curve: (bar opening time, USD) at each close.
        final_equity: USD.
    """

    session_id: str
    journal: Path
    sessions: int
    decisions: int
    policy_failures: int
    orders: int
    fills: int
    rejections: int
    denials: dict[str, int]
    risk_breaches: int
    protection_exits: int
    halts: int
    halted: str
    equity_curve: tuple[tuple[str, float], ...]
    final_equity: float


def summarise(path: Path, records: list[Record]) -> ReplayResult:
    """The result that a journal's records amount to."""
    counts = Counter(record.kind for record in records)
    events = [record.event for record in records]
    opening = events[0]
    assert isinstance(opening, SessionStarted)
    closes = [event for event in events if isinstance(event, Mark) and event.at == "close"]
    end = state_from_journal(records)
    decisions = [event for event in events if isinstance(event, Decision)]
    fills = [event for event in events if isinstance(event, OrderFilled)]
    return ReplayResult(
        session_id=opening.session_id,
        journal=path,
        sessions=len({mark.session for mark in closes}),
        decisions=len(decisions),
        policy_failures=sum(bool(decision.failure or decision.held) for decision in decisions),
        orders=counts["order"],
        fills=len(fills),
        rejections=counts["rejection"],
        denials=dict(Counter(event.code for event in events if isinstance(event, EntryDenied))),
        risk_breaches=len(audit(records)),
        protection_exits=sum(fill.leg.inside_bar for fill in fills),
        halts=counts["halt"],
        halted="RUIN" if end.ruined else "DAILY_LOSS" if end.halted else "",
        equity_curve=tuple((mark.bar_ts, mark.equity) for mark in closes),
        final_equity=closes[-1].equity,
    )
