"""What a journal says: every event is applied the same way live and after a restart."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cluster.errors import DataError
from trade.journal.events import (
    Decision,
    EntryDenied,
    Event,
    Halt,
    HandOver,
    Intent,
    Mark,
    OrderFilled,
    OrderRejected,
    OrderSent,
    ProtectionHit,
    SessionEnded,
    SessionStarted,
)
from trade.journal.journal_format import Record
from trade.orders.account import Account
from trade.orders.orders import Leg, Order
from trade.risk.daily_loss import daily_loss, trips_breaker

NEVER = -999  # bar of the last trade of a symbol that was never traded, as in V6


@dataclass(slots=True)
class SessionState:
    """The fold of a journal's records.

    Args:
        opening: What the session is run under; None before it starts.
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
        decision: The last one.
        intent: The last one.
        open_orders: Orders without an outcome, by client order id.
        settled: Client order ids that were filled, rejected or denied.
        protecting: Client order ids of recorded protections.
        handed_over: Client order ids of recorded hand-overs of slots.
        ended: Whether `session_ended` was written.
        ruined: Whether it ended in ruin.
    """

    opening: SessionStarted | None = None
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
    decision: Decision | None = None
    intent: Intent | None = None
    open_orders: dict[str, Order] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    protecting: set[str] = field(default_factory=set)
    handed_over: set[str] = field(default_factory=set)
    ended: bool = False
    ruined: bool = False

    @property
    def halted(self) -> bool:
        """Whether a risk limit has ended the entries: of the last exchange session, or for good."""
        return self.ruined or self.halted_in(self.day_session)

    def apply(self, event: Event) -> None:
        """Take in one event.

        Raises:
            DataError: it contradicts the events before.
        """
        match event:
            case SessionStarted():
                self._start(event)
            case Decision():
                self.decision = event
            case Intent():
                self.intent = event
            case OrderSent():
                self.open_orders[event.client_order_id] = event.order()
            case OrderFilled():
                self._fill(event)
            case OrderRejected() | EntryDenied():
                self._settle(event.client_order_id)
            case ProtectionHit():
                self.protecting.add(event.client_order_id)
            case HandOver():
                self.handed_over.add(event.client_order_id)
                self.last_trade.pop(event.symbol, None)
            case Mark():
                self._mark(event)
            case Halt():
                self.noted_halt = event.session
            case SessionEnded():
                self.ended, self.ruined = True, event.ruined

    def intent_of(self, bar: int) -> Intent | None:
        """What was intended at the close of a bar; None when nothing was."""
        return self.intent if self.intent and self.intent.bar == bar else None

    def trades_in(self, session: int) -> int:
        """Fills that the policy decided on in an exchange session."""
        return self.trades_today if self.trades_session == session else 0

    def halted_in(self, session: int | None) -> bool:
        """Whether the breaker ended the entries of an exchange session."""
        return session is not None and self.halted_session == session

    def _start(self, event: SessionStarted) -> None:
        self.opening = event
        self.account = Account.opened_with(event.initial_balance)

    def _fill(self, event: OrderFilled) -> None:
        if event.client_order_id in self.settled:
            raise DataError(
                f"journal of {self.opening.session_id if self.opening else 'a session'}",
                f"order {event.client_order_id} is filled twice",
                "restore it from a copy, or start another session",
            )
        self.account.apply(event.fill())
        self._settle(event.client_order_id)
        self._count_trade(event)

    def _count_trade(self, event: OrderFilled) -> None:
        """V6 counts a trade at the bar it was decided on, the one before its fill.

        Who leaves a slot has no last trade any more, and its sale is none of the day's.
        """
        if event.leg is Leg.LEAVER:
            return
        self.last_trade[event.symbol] = event.bar - (0 if event.leg.inside_bar else 1)
        if not event.leg.inside_bar:
            self.trades_today = self.trades_in(event.decided_in) + 1
            self.trades_session = event.decided_in

    def _settle(self, order_id: str) -> None:
        self.settled.add(order_id)
        self.open_orders.pop(order_id, None)

    def _mark(self, event: Mark) -> None:
        if event.session != self.day_session:
            self.day_session, self.day_start = event.session, self.account.equity
        if event.at == "close":
            self.account.mark(event.prices)
            self.bar = event.bar
            equity = self.account.equity
        else:
            self.opened_bar = event.bar
            equity = self.account.value(event.prices)
        self.loss = daily_loss(self.day_start, equity)
        self._watch_loss(event.session)

    def _watch_loss(self, session: int) -> None:
        """The breaker is part of the state, so no restart can forget or re-arm it."""
        limits = self.opening.every_limit() if self.opening else None
        tripped = limits is not None and trips_breaker(self.loss, limits["daily_loss"])
        if tripped and self.halted_session != session:
            self.halted_session, self.halt_loss = session, self.loss


def state_from_journal(records: Iterable[Record]) -> SessionState:
    """Fold a journal."""
    state = SessionState()
    for record in records:
        state.apply(record.event)
    return state
