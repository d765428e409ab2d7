"""The trading session: at each close decide, at the next open trade, inside the bar protect."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from cluster.errors import ConfigError
from envs import rules
from serve.errors import PolicyUnavailableError
from trade.bars.bar_table import bar_time, decision_id, prices_of
from trade.journal.events import (
    Decision,
    Halt,
    IntendedLeg,
    Intent,
    Mark,
    SessionEnded,
    SessionStarted,
)
from trade.journal.failpoint import failpoint
from trade.orders.orders import Leg, Side, client_order_id
from trade.policy.policy import (
    AccountView,
    Policy,
    checked,
    named_actions,
    named_probabilities,
    usable_features,
)
from trade.session.desk import Desk
from trade.session.execution import Execution
from trade.session.order_builder import denied_entry
from trade.session.session_config import DATA_SCHEME

OnBar = Callable[[int], None]


class TradingSession:
    """Walks over bars; starting and resuming are the same thing.

    Args:
        desk: What it trades with.
        policy: Who decides.
    """

    def __init__(self, desk: Desk, policy: Policy) -> None:
        self._desk = desk
        self._policy = policy
        self._execution = Execution(desk)

    def run(self, first: int, last: int, on_bar: OnBar) -> None:
        """Decide at the closes of the bars `first` to `last - 1`, and end at the close of `last`.

        Args:
            first: Bar index of the first decision.
            last: Bar index of the last mark.
            on_bar: Called with each bar after its close was marked.

        Ruin ends it early, as it ends a backtest: the account is taken as closed at that mark.

        Raises:
            ConfigError: the journal is of a session under other terms.
            PolicyRefusedError: the policy refuses to be asked; resume once that is mended.
            PloutosError: the journal cannot be written; nothing was sent that is not in it.
        """
        self._begin(first, last)
        state = self._desk.state
        while not state.ended:
            bar = state.bar
            if rules.is_ruined(state.account.equity, state.account.cash, self._desk.v6):
                self._end(bar, ruined=True)
            elif bar == last:
                self._end(bar)
            else:
                self._decide(bar)
                self._trade(bar + 1)
                self._mark(bar + 1, "close")
                on_bar(bar + 1)

    def _end(self, bar: int, **how: bool) -> None:
        equity = self._desk.state.account.equity
        self._desk.log.record(SessionEnded(bar=bar, equity=equity, **how))

    def _begin(self, first: int, last: int) -> None:
        started = self._desk.state.opening
        opening = self._desk.terms.opening(self._desk.table.symbols, first, last)
        if started is None:
            self._desk.log.record(opening)
        elif started.terms() != opening.terms():
            raise _other_terms(started, opening)
        if self._desk.state.bar < 0:
            self._mark(first, "close")
        self._note_halt()

    def _decide(self, bar: int) -> None:
        """Ask the policy and write down what is intended, unless the journal has it already."""
        state = self._desk.state
        decision = state.decision
        if decision is None or decision.bar != bar:
            decision = self._ask(bar)
            self._desk.log.record(decision)
        if state.intent_of(bar):
            return
        legs = tuple(self._allowed_legs(decision))
        if legs:
            failpoint("before_intent")
            self._desk.log.record(Intent(decision_id=decision.decision_id, bar=bar, legs=legs))
            failpoint("after_intent")

    def _ask(self, bar: int) -> Decision:
        table, symbols = self._desk.table, self._desk.seats.symbols(bar)
        moment, asked = bar_time(table, bar), decision_id(table, bar)
        facts: dict[str, Any] = {"decision_id": asked, "bar": bar, "bar_ts": moment}
        facts["equity"] = self._desk.state.account.equity
        raw = self._desk.seats.values(table.features[bar], bar)
        features, unusable = usable_features(raw, symbols)
        if unusable:
            facts["held"] = unusable
        try:
            answer = self._policy.decide(features, self._view(bar), moment, asked)
            checked(answer, len(symbols), self._desk.terms.bundle_id)
        except PolicyUnavailableError as error:
            return Decision(**facts, actions={}, failure=str(error))
        actions = named_actions(answer, symbols)
        return Decision(
            **facts,
            actions={name: side for name, side in actions.items() if name not in unusable},
            bundle_id=answer.bundle_id,
            probabilities=named_probabilities(answer, symbols),
            latency_ms=answer.latency_ms,
        )

    def _view(self, bar: int) -> AccountView:
        account = self._desk.state.account
        shares = np.array([account.quantity(symbol) for symbol in self._desk.table.symbols])
        values = self._desk.seats.values(shares * self._desk.table.close[bar], bar)
        return AccountView(
            account.cash, account.equity, account.peak, account.initial_balance, values
        )

    def _allowed_legs(self, decision: Decision) -> Iterator[IntendedLeg]:
        """The decision's legs in asset order, without entries that the gate denies already."""
        entries: list[str] = []
        for symbol in self._desk.seats.symbols(decision.bar):
            action = decision.actions.get(symbol)
            if action is None:
                continue
            leg = self._leg(decision, symbol, action)
            if action is Side.SELL and self._desk.state.account.quantity(symbol) > 0:
                yield leg
            if action is Side.BUY and self._entry_allowed(leg, decision.bar, tuple(entries)):
                entries.append(symbol)
                yield leg

    def _entry_allowed(self, leg: IntendedLeg, bar: int, entries: tuple[str, ...]) -> bool:
        if leg.client_order_id in self._desk.state.settled:
            return False
        denial = denied_entry(self._desk, leg.symbol, bar, entries)
        if denial:
            self._execution.deny(denial, leg.client_order_id, bar)
        return denial is None

    def _leg(self, decision: Decision, symbol: str, side: Side) -> IntendedLeg:
        leg = Leg.ENTRY if side is Side.BUY else Leg.EXIT
        order_id = client_order_id(self._desk.terms.session_id, decision.decision_id, symbol, leg)
        return IntendedLeg(symbol=symbol, side=side, client_order_id=order_id)

    def _trade(self, bar: int) -> None:
        if self._desk.state.opened_bar != bar:
            self._mark(bar, "open")
        self._execution.hand_over(bar)
        self._execution.open(bar)
        if self._desk.terms.protection:
            self._execution.protect(bar, self._desk.terms.protection)

    def _mark(self, bar: int, at: Literal["open", "close"]) -> None:
        """Value the account at a bar's open or close; the breaker looks at each mark."""
        state = self._desk.state
        prices = self._desk.table.open[bar] if at == "open" else self._desk.table.close[bar]
        intent = state.intent_of(bar - 1) if at == "open" else None
        intended = [leg.symbol for leg in intent.legs] if intent else []
        held = dict.fromkeys([*state.account.positions, *intended])
        marked = prices_of(self._desk.table, prices, held)
        mark = Mark(
            at=at,
            bar=bar,
            bar_ts=bar_time(self._desk.table, bar),
            session=int(self._desk.table.session[bar]),
            prices=marked,
            cash=state.account.cash,
            equity=state.account.value(marked),
        )
        self._desk.log.record(mark)
        self._note_halt()

    def _note_halt(self) -> None:
        """Say once a session that the breaker has tripped; the marks themselves trip it."""
        state = self._desk.state
        if state.halted_session is None or state.noted_halt == state.halted_session:
            return
        assert self._desk.terms.limits is not None
        halt = Halt(
            code="DAILY_LOSS",
            session=state.halted_session,
            loss=state.halt_loss,
            limit=self._desk.terms.limits.settings()["daily_loss"],
        )
        self._desk.log.record(halt)


def _other_terms(started: SessionStarted, asked: SessionStarted) -> ConfigError:
    what = f"session {started.session_id} cannot be resumed"
    if not started.data.startswith(DATA_SCHEME):
        return ConfigError(
            what,
            "an older version of Ploutos began it, and told its bars by their prices alone",
            "ploutos trade replay, as another session",
        )
    was, now = started.terms(), asked.terms()
    name = next(name for name in was | now if was.get(name) != now.get(name))
    return ConfigError(
        what,
        f"its {name} was {was.get(name)}, now it is {now.get(name)}",
        "resume it with what it was started with, or start another session",
    )
