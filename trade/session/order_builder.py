"""From one intended leg to an order, or to the denial that says why not."""

from envs import rules
from trade.bars.bar_table import prices_of
from trade.journal.events import IntendedLeg
from trade.journal.state import NEVER
from trade.orders.denial import Denial
from trade.orders.orders import Leg, Order, Side
from trade.risk.risk import Book, Entry, PriceHistory
from trade.risk.sizing import entry_notional, v6_notional
from trade.session.desk import Desk


def build_order(desk: Desk, leg: IntendedLeg, bar: int) -> Order | Denial:
    """The order of one leg at the open of `bar`.

    Void where the slot was handed over. Then checks in V6's order (trades a day, holding
    period, tradable price, size), then the gate's limits again, since prices and account have
    moved since the decision.
    """
    symbol, order_id = leg.symbol, leg.client_order_id
    if desk.seats.handed_over(symbol, bar):
        return Denial("HANDED_OVER", 0.0, 1.0, symbol)
    refusal = _refused_by_v6(desk, symbol, bar)
    if refusal:
        return refusal
    if leg.side is Side.SELL:
        quantity = desk.state.account.quantity(symbol)
        return Order(order_id, symbol, Side.SELL, Leg.EXIT, quantity=quantity)
    size = denied_entry(desk, symbol, bar - 1) or _size(desk, symbol, bar)
    if isinstance(size, Denial):
        return size
    return Order(order_id, symbol, Side.BUY, Leg.ENTRY, notional=size)


def denied_entry(
    desk: Desk, symbol: str, bar: int, intended: tuple[str, ...] = ()
) -> Denial | None:
    """Whether a limit forbids an entry decided at the close of `bar`.

    Args:
        desk: What the session trades with.
        symbol: What to buy.
        bar: The bar that was decided on.
        intended: Entries of the same decision that were let through before this one.
    """
    if desk.gate is None:
        return None
    state, table = desk.state, desk.table
    halted = state.halted_in(state.day_session)
    entry = Entry(
        symbol,
        exposed=(*state.account.positions, *intended),
        history=PriceHistory(table.symbols, table.close[: bar + 1], table.tradable[: bar + 1]),
        halt_loss=state.halt_loss if halted else None,
    )
    return desk.gate.denial(entry)


def _refused_by_v6(desk: Desk, symbol: str, bar: int) -> Denial | None:
    column, p, state = desk.table.symbols.index(symbol), desk.v6, desk.state
    trades = state.trades_in(int(desk.table.session[bar - 1]))
    waited = bar - 1 - state.last_trade.get(symbol, NEVER)
    price = float(desk.table.open[bar, column])
    code = rules.order_refusal(trades, waited, price, bool(desk.table.tradable[bar, column]), p)
    if code == rules.DAY_LIMIT:
        limit = float(p.max_trades_per_day)
        return Denial("MAX_TRADES_PER_DAY", limit, trades + 1.0, symbol)
    if code == rules.TOO_SOON:
        limit = float(p.min_holding_period)
        return Denial("MIN_HOLDING_PERIOD", limit, float(waited), symbol)
    if code == rules.NO_PRICE:
        return Denial("NOT_TRADABLE", 1.0, 0.0, symbol)
    return None


def _size(desk: Desk, symbol: str, bar: int) -> float | Denial:
    account = desk.state.account
    prices = prices_of(desk.table, desk.table.open[bar], {symbol, *account.positions})
    wanted = v6_notional(account, desk.v6)
    cost = desk.broker.entry_cost(symbol, wanted, bar)
    book = Book(account, prices, tuple(desk.state.open_orders.values()))
    return entry_notional(symbol, wanted, book, cost, desk.gate)
