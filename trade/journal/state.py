"""What a journal says: every record is applied the same way live and after a restart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cluster.errors import DataError
from trade.journal.journal_format import Record
from trade.orders.account import Account
from trade.orders.orders import Fill, Leg, Order
from trade.risk.risk import daily_loss, trips_breaker

NEVER = -999  # bar of the last trade of a symbol that was never traded, as in V6


@dataclass(slots=True)
class SessionState:
    """The fold of a journal's records.

    Args:
        opening: Payload of `session_started`; empty before it.
        account: The account, fills of an unfinished bar included.
        bar: Index of the last bar marked at its close; -1 before the first.
        opened_bar: Index of the last bar marked at its open; -1 before the first.
        day_session: Exchange session that `day_start` belongs to.
        day_start: Equity that the session began with, USD.
        loss: Loss of the session at the last mark, share of `day_start`.
        halted_session: Last session whose entries the breaker ended; None when it never tripped.
        halt_loss: The loss that tripped it, share of `day_start`.
        noted_halt: Session that a `halt` record was written for.
        trades_today: Fills that the policy decided on in `trades_session`.
        trades_session: Exchange session of those decisions.
        last_trade: Bar of each symbol's last trade.
        decision: Payload of the last decision.
        intent: Payload of the last intent.
        open_orders: Orders without an outcome, by client order id.
        settled: Client order ids that were filled, rejected or denied.
        protecting: Client order ids of recorded protections.
        handed_over: Client order ids of recorded hand-overs of slots.
        ended: Whether `session_ended` was written.
    """

    opening: dict[str, Any] = field(default_factory=dict)
    account: Account = field(default_factory=lambda: Account.opened_with(0.0))
    bar: int = -1
    opened_bar: int = -1
    day_session: int | None = None
    day_start: float = 0.0
    loss: float = 0.0
    halted_session: int | None = None
    halt_loss: float = 0.0
    noted_halt: int | None = None
    trades_today: int = 0
    trades_session: int | None = None
    last_trade: dict[str, int] = field(default_factory=dict)
    decision: dict[str, Any] = field(default_factory=dict)
    intent: dict[str, Any] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    protecting: set[str] = field(default_factory=set)
    handed_over: set[str] = field(default_factory=set)
    ended: bool = False

    def apply(self, record: Record) -> None:
        """Take in one record.

        Raises:
            DataError: it contradicts the records before.
        """
        handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "session_started": self._start,
            "decision": self._decide,
            "intent": self._intend,
            "order": self._order,
            "fill": self._fill,
            "rejection": self._settle,
            "denial": self._settle,
            "protection": self._protect,
            "handover": self._hand_over,
            "mark": self._mark,
            "halt": self._halt,
            "session_ended": self._end,
        }
        handlers[record.kind](record.payload)

    def trades_in(self, session: int) -> int:
        """Fills that the policy decided on in an exchange session."""
        return self.trades_today if self.trades_session == session else 0

    def halted_in(self, session: int | None) -> bool:
        """Whether the breaker ended the entries of an exchange session."""
        return session is not None and self.halted_session == session

    def _start(self, payload: dict[str, Any]) -> None:
        self.opening = payload
        self.account = Account.opened_with(payload["initial_balance"])

    def _decide(self, payload: dict[str, Any]) -> None:
        self.decision = payload

    def _intend(self, payload: dict[str, Any]) -> None:
        self.intent = payload

    def _order(self, payload: dict[str, Any]) -> None:
        order = Order.from_payload(payload)
        self.open_orders[order.client_order_id] = order

    def _fill(self, payload: dict[str, Any]) -> None:
        fill = Fill.from_payload(payload)
        if fill.client_order_id in self.settled:
            raise DataError(
                f"journal of {self.opening.get('session_id', 'a session')}",
                f"order {fill.client_order_id} is filled twice",
                "ploutos journal verify",
            )
        self.account.apply(fill)
        self._settle(payload)
        self._count_trade(payload)

    def _count_trade(self, payload: dict[str, Any]) -> None:
        """V6 counts a trade at the bar it was decided on, the one before its fill.

        Who leaves a slot has no last trade any more, and its sale is none of the day's.
        """
        if payload["leg"] == Leg.LEAVER:
            return
        protection = payload["leg"] in (Leg.STOP_LOSS, Leg.TAKE_PROFIT)
        self.last_trade[payload["symbol"]] = payload["bar"] - (0 if protection else 1)
        if not protection:
            session = payload["decided_in"]
            self.trades_today = self.trades_in(session) + 1
            self.trades_session = session

    def _settle(self, payload: dict[str, Any]) -> None:
        self.settled.add(payload["client_order_id"])
        self.open_orders.pop(payload["client_order_id"], None)

    def _protect(self, payload: dict[str, Any]) -> None:
        self.protecting.add(payload["client_order_id"])

    def _hand_over(self, payload: dict[str, Any]) -> None:
        self.handed_over.add(payload["client_order_id"])
        self.last_trade.pop(payload["symbol"], None)

    def _mark(self, payload: dict[str, Any]) -> None:
        if payload["session"] != self.day_session:
            self.day_session, self.day_start = payload["session"], self.account.equity
        if payload["at"] == "close":
            self.account.mark(payload["prices"])
            self.bar = payload["bar"]
            equity = self.account.equity
        else:
            self.opened_bar = payload["bar"]
            equity = self.account.value(payload["prices"])
        self.loss = daily_loss(self.day_start, equity)
        self._watch_loss(payload["session"])

    def _watch_loss(self, session: int) -> None:
        """The breaker is part of the state, so no restart can forget or re-arm it."""
        limits = self.opening["limits"]
        tripped = limits is not None and trips_breaker(self.loss, limits["daily_loss"])
        if tripped and self.halted_session != session:
            self.halted_session, self.halt_loss = session, self.loss

    def _halt(self, payload: dict[str, Any]) -> None:
        self.noted_halt = payload["session"]

    def _end(self, payload: dict[str, Any]) -> None:
        self.ended = True


def state_from_journal(records: Iterable[Record]) -> SessionState:
    """Fold a journal."""
    state = SessionState()
    for record in records:
        state.apply(record)
    return state
