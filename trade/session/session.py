"""The trading session: at each close decide, at the next open trade, inside the bar protect."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cluster.errors import ConfigError
from serve.errors import PolicyRefusedError, PolicyUnavailableError
from trade.bars.bar_table import bar_time, decision_id, prices_of
from trade.journal.failpoint import failpoint
from trade.orders.orders import Leg, Side, client_order_id
from trade.policy.policy import AccountView, Policy, checked, named_actions, named_probabilities
from trade.session.desk import Desk
from trade.session.execution import Execution
from trade.session.order_builder import denied_entry

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

        Raises:
            ConfigError: the journal is of a session under other terms.
            PloutosError: the journal cannot be written; nothing was sent that is not in it.
        """
        self._begin(first, last)
        state = self._desk.state
        for bar in range(state.bar + 1, last + 1):
            self._decide(bar - 1)
            self._trade(bar)
            self._mark(bar, "close")
            on_bar(bar)
        if not state.ended:
            self._desk.log.record("session_ended", {"bar": last, "equity": state.account.equity})

    def _begin(self, first: int, last: int) -> None:
        payload = self._desk.terms.payload() | {
            "symbols": list(self._desk.table.symbols),
            "first": first,
            "last": last,
        }
        opening = self._desk.state.opening
        if not opening:
            self._desk.log.record("session_started", payload, durable=True)
        for name in (name for name in opening if opening[name] != payload[name]):
            raise ConfigError(
                f"session {opening['session_id']} cannot be resumed",
                f"its {name} was {opening[name]}, now it is {payload[name]}",
                "resume it with what it was started with, or start another session",
            )
        if self._desk.state.bar < 0:
            self._mark(first, "close")
        self._note_halt()

    def _decide(self, bar: int) -> None:
        """Ask the policy and write down what is intended, unless the journal has it already."""
        state = self._desk.state
        if state.decision.get("bar") != bar:
            self._desk.log.record("decision", self._ask(bar))
        if state.intent.get("bar") == bar:
            return
        legs = self._allowed_legs(bar)
        if legs:
            failpoint("before_intent")
            payload = {"decision_id": decision_id(self._desk.table, bar), "bar": bar, "legs": legs}
            self._desk.log.record("intent", payload, durable=True)
            failpoint("after_intent")

    def _ask(self, bar: int) -> dict[str, Any]:
        table, account = self._desk.table, self._desk.state.account
        symbols = self._desk.seats.symbols(bar)
        moment = bar_time(table, bar)
        asked = decision_id(table, bar)
        payload: dict[str, Any] = {"decision_id": asked, "bar": bar, "bar_ts": moment}
        try:
            features = self._desk.seats.values(table.features[bar], bar)
            answer = self._policy.decide(features, self._view(bar), moment, asked)
            checked(answer, len(symbols), self._desk.terms.bundle_id)
        except (PolicyUnavailableError, PolicyRefusedError) as error:
            return payload | {"actions": {}, "equity": account.equity, "failure": str(error)}
        return payload | {
            "actions": named_actions(answer, symbols),
            "equity": account.equity,
            "bundle_id": answer.bundle_id,
            "probabilities": named_probabilities(answer, symbols),
            "latency_ms": answer.latency_ms,
        }

    def _view(self, bar: int) -> AccountView:
        account = self._desk.state.account
        shares = np.array([account.quantity(symbol) for symbol in self._desk.table.symbols])
        values = self._desk.seats.values(shares * self._desk.table.close[bar], bar)
        return AccountView(
            account.cash, account.equity, account.peak, account.initial_balance, values
        )

    def _allowed_legs(self, bar: int) -> list[dict[str, str]]:
        """The decision's legs in asset order, without entries that the gate denies already."""
        state = self._desk.state
        entries: list[str] = []
        legs = []
        for symbol in self._desk.seats.symbols(bar):
            action = state.decision["actions"].get(symbol)
            if action == Side.SELL and state.account.quantity(symbol) > 0:
                legs.append(self._leg(symbol, Side.SELL, Leg.EXIT))
            if action == Side.BUY and self._entry_allowed(symbol, bar, tuple(entries)):
                entries.append(symbol)
                legs.append(self._leg(symbol, Side.BUY, Leg.ENTRY))
        return legs

    def _entry_allowed(self, symbol: str, bar: int, entries: tuple[str, ...]) -> bool:
        leg = self._leg(symbol, Side.BUY, Leg.ENTRY)
        if leg["client_order_id"] in self._desk.state.settled:
            return False
        denial = denied_entry(self._desk, symbol, bar, entries)
        if denial:
            self._execution.deny(denial, leg["client_order_id"], bar)
        return denial is None

    def _leg(self, symbol: str, side: Side, leg: Leg) -> dict[str, str]:
        decision = self._desk.state.decision["decision_id"]
        order_id = client_order_id(self._desk.terms.session_id, decision, symbol, leg)
        return {"symbol": symbol, "side": side.value, "client_order_id": order_id}

    def _trade(self, bar: int) -> None:
        if self._desk.state.opened_bar != bar:
            self._mark(bar, "open")
        self._execution.hand_over(bar)
        self._execution.open(bar)
        if self._desk.terms.protection:
            self._execution.protect(bar, self._desk.terms.protection)

    def _mark(self, bar: int, at: str) -> None:
        """Value the account at a bar's open or close; the breaker looks at each mark."""
        state = self._desk.state
        prices = self._desk.table.open[bar] if at == "open" else self._desk.table.close[bar]
        due = at == "open" and state.intent.get("bar") == bar - 1
        intended = [leg["symbol"] for leg in state.intent["legs"]] if due else []
        held = dict.fromkeys([*state.account.positions, *intended])
        marked = prices_of(self._desk.table, prices, held)
        payload = {
            "at": at,
            "bar": bar,
            "bar_ts": bar_time(self._desk.table, bar),
            "session": int(self._desk.table.session[bar]),
            "prices": marked,
            "cash": state.account.cash,
            "equity": state.account.value(marked),
        }
        self._desk.log.record("mark", payload)
        self._note_halt()

    def _note_halt(self) -> None:
        """Say once a session that the breaker has tripped; the marks themselves trip it."""
        state = self._desk.state
        if state.halted_session is None or state.noted_halt == state.halted_session:
            return
        assert self._desk.terms.limits is not None
        payload = {"code": "DAILY_LOSS", "session": state.halted_session, "loss": state.halt_loss}
        self._desk.log.record(
            "halt", payload | {"limit": self._desk.terms.limits.daily_loss}, durable=True
        )
