"""From one intended leg to an order, or to the denial that says why not."""

from dataclasses import dataclass
from typing import Any

from envs import rules
from trade.bars.bar_table import prices_of
from trade.bars.slot_map import Seats
from trade.brokers.port import Broker
from trade.journal.state import NEVER, SessionState
from trade.orders.denial import Denial
from trade.orders.orders import Leg, Order, Side
from trade.orders.protection import Protection
from trade.risk.correlation import PriceHistory, deny_correlated
from trade.risk.risk import Book, RiskGate
from trade.risk.sizing import entry_notional, v6_notional


@dataclass(frozen=True, slots=True)
class TradingRules:
    """What orders obey: V6's numbers, and risk gate and protection where they are on."""

    v6: rules.RuleParams
    gate: RiskGate | None
    protection: Protection | None


class TicketWriter:
    """Makes orders out of intended legs with the account as the earlier legs left it."""

    def __init__(
        self, seats: Seats, trading: TradingRules, broker: Broker, state: SessionState
    ) -> None:
        self._seats = seats
        self._table = seats.table
        self._rules = trading
        self._broker = broker
        self._state = state

    def order(self, leg: dict[str, Any], bar: int) -> Order | Denial:
        """The order of one leg at the open of `bar`.

        Void where the slot was handed over. Then checks in V6's order (trades a day, holding
        period, tradable price, size), then the gate's limits again, since prices and account have
        moved since the decision.
        """
        symbol, order_id = leg["symbol"], leg["client_order_id"]
        if self._seats.handed_over(symbol, bar):
            return Denial("HANDED_OVER", 0.0, 1.0, symbol)
        refusal = self._refused_by_v6(symbol, bar)
        if refusal:
            return refusal
        if leg["side"] == Side.SELL:
            quantity = self._state.account.quantity(symbol)
            return Order(order_id, symbol, Side.SELL, Leg.EXIT, quantity=quantity)
        size = self.denied_entry(symbol, bar - 1) or self._size(symbol, bar)
        if isinstance(size, Denial):
            return size
        return Order(order_id, symbol, Side.BUY, Leg.ENTRY, notional=size)

    def denied_entry(self, symbol: str, bar: int, intended: tuple[str, ...] = ()) -> Denial | None:
        """Whether breaker or correlation forbid an entry decided at the close of `bar`.

        Args:
            symbol: What to buy.
            bar: The bar that was decided on.
            intended: Entries of the same decision that were let through before this one.
        """
        gate, state = self._rules.gate, self._state
        if gate is None:
            return None
        if state.halted_in(state.day_session):
            return Denial("DAILY_LOSS", gate.limits.daily_loss, state.halt_loss, symbol)
        if not self._table.tradable[bar, self._table.symbols.index(symbol)]:
            # Let through, it would leave the correlation of all entries after it unknown.
            return Denial("NOT_TRADABLE", 1.0, 0.0, symbol)
        exposed = (*state.account.positions, *intended)
        window = slice(max(0, bar - gate.limits.correlation_bars), bar + 1)
        history = PriceHistory(
            self._table.symbols, self._table.close[window], self._table.tradable[window]
        )
        return deny_correlated(symbol, exposed, history, gate.limits)

    def _refused_by_v6(self, symbol: str, bar: int) -> Denial | None:
        column, p, state = self._table.symbols.index(symbol), self._rules.v6, self._state
        trades = state.trades_in(int(self._table.session[bar - 1]))
        waited = bar - 1 - state.last_trade.get(symbol, NEVER)
        price = float(self._table.open[bar, column])
        code = rules.order_refusal(
            trades, waited, price, bool(self._table.tradable[bar, column]), p
        )
        if code == rules.DAY_LIMIT:
            limit = float(p.max_trades_per_day)
            return Denial("MAX_TRADES_PER_DAY", limit, trades + 1.0, symbol)
        if code == rules.TOO_SOON:
            limit = float(p.min_holding_period)
            return Denial("MIN_HOLDING_PERIOD", limit, float(waited), symbol)
        if code == rules.NO_PRICE:
            return Denial("NOT_TRADABLE", 1.0, 0.0, symbol)
        return None

    def _size(self, symbol: str, bar: int) -> float | Denial:
        account = self._state.account
        prices = prices_of(self._table, self._table.open[bar], {symbol, *account.positions})
        wanted = v6_notional(account, self._rules.v6)
        cost = self._broker.entry_cost(symbol, wanted, bar)
        book = Book(account, prices, tuple(self._state.open_orders.values()))
        return entry_notional(symbol, wanted, book, cost, self._rules.gate)
