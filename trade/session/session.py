"""The trading session: at each close decide, at the next open trade, inside the bar protect."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cluster.errors import ConfigError
from serve.errors import PolicyRefusedError, PolicyUnavailableError
from trade.bars.bar_table import BarTable, bar_time, decision_id, prices_of
from trade.bars.slot_map import Seats
from trade.brokers.port import Broker
from trade.journal.failpoint import failpoint
from trade.journal.session_log import SessionLog
from trade.orders.orders import Leg, Side, client_order_id
from trade.policy.policy import AccountView, Policy, checked, named_actions, named_probabilities
from trade.risk.risk import RiskGate
from trade.session.execution import Execution
from trade.session.order_builder import TicketWriter, TradingRules
from trade.session.session_config import Terms

OnBar = Callable[[int], None]


class TradingSession:
    """Walks over bars; starting and resuming are the same thing.

    Args:
        terms: What it is run under.
        table: The bars.
        policy: Who decides.
        broker: Where orders go.
        log: Journal and state, what an earlier run left included.
        seats: Which symbol of the table each asset of the policy is; the same one if None.
    """

    def __init__(
        self,
        terms: Terms,
        table: BarTable,
        policy: Policy,
        broker: Broker,
        log: SessionLog,
        *,
        seats: Seats | None = None,
    ) -> None:
        seats = seats or Seats(table)
        self._terms = terms
        self._seats = seats
        self._table = table
        self._policy = policy
        self._log = log
        gate = RiskGate(terms.limits, terms.protection) if terms.limits else None
        trading = TradingRules(terms.params.rule_params(), gate, terms.protection)
        self._tickets = TicketWriter(seats, trading, broker, log.state)
        self._execution = Execution(seats, broker, log, self._tickets)

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
        state = self._log.state
        for bar in range(state.bar + 1, last + 1):
            self._decide(bar - 1)
            self._trade(bar)
            self._mark(bar, "close")
            on_bar(bar)
        if not state.ended:
            self._log.record("session_ended", {"bar": last, "equity": state.account.equity})

    def _begin(self, first: int, last: int) -> None:
        payload = self._terms.payload() | {
            "symbols": list(self._table.symbols),
            "first": first,
            "last": last,
        }
        opening = self._log.state.opening
        if not opening:
            self._log.record("session_started", payload, durable=True)
        for name in (name for name in opening if opening[name] != payload[name]):
            raise ConfigError(
                f"session {opening['session_id']} cannot be resumed",
                f"its {name} was {opening[name]}, now it is {payload[name]}",
                "resume it with what it was started with, or start another session",
            )
        if self._log.state.bar < 0:
            self._mark(first, "close")
        self._note_halt()

    def _decide(self, bar: int) -> None:
        """Ask the policy and write down what is intended, unless the journal has it already."""
        state = self._log.state
        if state.decision.get("bar") != bar:
            self._log.record("decision", self._ask(bar))
        if state.intent.get("bar") == bar:
            return
        legs = self._allowed_legs(bar)
        if legs:
            failpoint("before_intent")
            payload = {"decision_id": decision_id(self._table, bar), "bar": bar, "legs": legs}
            self._log.record("intent", payload, durable=True)
            failpoint("after_intent")

    def _ask(self, bar: int) -> dict[str, Any]:
        table, account = self._table, self._log.state.account
        symbols = self._seats.symbols(bar)
        moment = bar_time(table, bar)
        asked = decision_id(table, bar)
        payload: dict[str, Any] = {"decision_id": asked, "bar": bar, "bar_ts": moment}
        try:
            features = self._seats.values(table.features[bar], bar)
            answer = self._policy.decide(features, self._view(bar), moment, asked)
            checked(answer, len(symbols), self._terms.bundle_id)
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
        account = self._log.state.account
        shares = np.array([account.quantity(symbol) for symbol in self._table.symbols])
        values = self._seats.values(shares * self._table.close[bar], bar)
        return AccountView(
            account.cash, account.equity, account.peak, account.initial_balance, values
        )

    def _allowed_legs(self, bar: int) -> list[dict[str, str]]:
        """The decision's legs in asset order, without entries that the gate denies already."""
        state = self._log.state
        entries: list[str] = []
        legs = []
        for symbol in self._seats.symbols(bar):
            action = state.decision["actions"].get(symbol)
            if action == Side.SELL and state.account.quantity(symbol) > 0:
                legs.append(self._leg(symbol, Side.SELL, Leg.EXIT))
            if action == Side.BUY and self._entry_allowed(symbol, bar, tuple(entries)):
                entries.append(symbol)
                legs.append(self._leg(symbol, Side.BUY, Leg.ENTRY))
        return legs

    def _entry_allowed(self, symbol: str, bar: int, entries: tuple[str, ...]) -> bool:
        leg = self._leg(symbol, Side.BUY, Leg.ENTRY)
        if leg["client_order_id"] in self._log.state.settled:
            return False
        denial = self._tickets.denied_entry(symbol, bar, entries)
        if denial:
            self._execution.deny(denial, leg["client_order_id"], bar)
        return denial is None

    def _leg(self, symbol: str, side: Side, leg: Leg) -> dict[str, str]:
        decision = self._log.state.decision["decision_id"]
        order_id = client_order_id(self._terms.session_id, decision, symbol, leg)
        return {"symbol": symbol, "side": side.value, "client_order_id": order_id}

    def _trade(self, bar: int) -> None:
        if self._log.state.opened_bar != bar:
            self._mark(bar, "open")
        self._execution.hand_over(bar)
        self._execution.open(bar)
        if self._terms.protection:
            self._execution.protect(bar, self._terms.protection)

    def _mark(self, bar: int, at: str) -> None:
        """Value the account at a bar's open or close; the breaker looks at each mark."""
        state = self._log.state
        prices = self._table.open[bar] if at == "open" else self._table.close[bar]
        due = at == "open" and state.intent.get("bar") == bar - 1
        intended = [leg["symbol"] for leg in state.intent["legs"]] if due else []
        held = dict.fromkeys([*state.account.positions, *intended])
        marked = prices_of(self._table, prices, held)
        payload = {
            "at": at,
            "bar": bar,
            "bar_ts": bar_time(self._table, bar),
            "session": int(self._table.session[bar]),
            "prices": marked,
            "cash": state.account.cash,
            "equity": state.account.value(marked),
        }
        self._log.record("mark", payload)
        self._note_halt()

    def _note_halt(self) -> None:
        """Say once a session that the breaker has tripped; the marks themselves trip it."""
        state = self._log.state
        if state.halted_session is None or state.noted_halt == state.halted_session:
            return
        assert self._terms.limits is not None
        payload = {"code": "DAILY_LOSS", "session": state.halted_session, "loss": state.halt_loss}
        self._log.record("halt", payload | {"limit": self._terms.limits.daily_loss}, durable=True)
