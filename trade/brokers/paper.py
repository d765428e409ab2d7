"""The built-in venue: it fills at a bar's open, at V6's prices, by V6's own functions."""

from envs import rules
from envs.slippage.draws import DrawKey, fold_seed
from envs.slippage.model import Quote
from trade.brokers.port import BrokerSetup
from trade.orders.orders import Fill, Leg, Order, Rejection, Side
from trade.risk.risk import EntryCost

ENVIRONMENT = 0  # the slippage stream of a backtest's only environment

_REASONS = {
    rules.NO_PRICE: "NO_PRICE",
    rules.TOO_SMALL: "TOO_SMALL",
    rules.NO_POSITION: "NO_POSITION",
    rules.NO_CASH: "NO_CASH",
}


class PaperBroker:
    """Fills market orders on bars that are known, and keeps the account it was set up with."""

    def __init__(self, setup: BrokerSetup) -> None:
        self.account = setup.account
        self._table = setup.seats.table
        self._p = setup.v6
        self._seed = fold_seed(setup.seed)
        self._known = set(setup.known_ids)
        self._seats = setup.seats

    def submit(self, order: Order, bar: int) -> Fill | Rejection:
        """Trade in a bar: at its open, or from the order's trigger price.

        Who leaves a slot is taken at the trigger price even without a bar: it no longer trades.
        """
        if order.client_order_id in self._known:
            return Rejection(order.client_order_id, order.symbol, "DUPLICATE_ID")
        self._known.add(order.client_order_id)
        column = self._table.symbols.index(order.symbol)
        if order.leg is not Leg.LEAVER and not self._table.tradable[bar, column]:
            return Rejection(order.client_order_id, order.symbol, "NO_PRICE")
        outcome = self._trade(order, bar, column)
        if outcome.code != rules.FILLED:
            return Rejection(order.client_order_id, order.symbol, _REASONS[outcome.code])
        return self._book(order, outcome)

    def entry_cost(self, symbol: str, notional: float, bar: int) -> EntryCost:
        """What buying for `notional` USD or less at a bar's open costs at most."""
        column = self._table.symbols.index(symbol)
        quote = self._quote(float(self._table.open[bar, column]), bar - 1, column)
        key = self._key(bar - 1, symbol)
        slippage = rules.highest_slippage(notional, quote, key, self._p)
        worst = quote.price * (1.0 + slippage) * (1.0 + self._p.spread)
        return EntryCost(worst, self._p.sec_fee + self._p.finra_taf, self._p.commission)

    def _trade(self, order: Order, bar: int, column: int) -> rules.Fill:
        price = order.trigger_price or float(self._table.open[bar, column])
        quote = self._quote(price, bar - 1, column)
        key = self._key(bar if order.leg.inside_bar else bar - 1, order.symbol)
        if order.side is Side.BUY:
            return rules.fill_buy(order.notional, self.account.cash, quote, key, self._p)
        held = self.account.positions.get(order.symbol)
        if held is None or order.quantity > held.quantity:
            return rules.Fill(rules.NO_POSITION, 0.0, 0.0, 0.0, 0.0)
        return rules.fill_sell(order.quantity, held.entry_price, quote, key, self._p)

    def _quote(self, price: float, bar: int, column: int) -> Quote:
        """A price, and the liquidity of the bar before it, which is over."""
        dollar_volume = self._table.volume[bar, column] * self._table.close[bar, column]
        return Quote(price, float(self._table.volatility[bar, column]), float(dollar_volume))

    def _key(self, bar: int, symbol: str) -> DrawKey:
        return DrawKey(self._seed, ENVIRONMENT, bar, self._seats.asset(symbol, bar))

    def _book(self, order: Order, outcome: rules.Fill) -> Fill:
        quantity = abs(outcome.shares)
        fill = Fill(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=outcome.price,
            cash_change=outcome.cash,
            fees=abs(outcome.cash + outcome.shares * outcome.price),
        )
        self.account.apply(fill)
        return fill
