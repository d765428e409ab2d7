"""From intents to fills: the order on disk, then at the broker, then its outcome on disk."""

from collections.abc import Iterator
from dataclasses import asdict

from trade.bars.bar_table import decision_id
from trade.journal.events import (
    EntryDenied,
    HandOver,
    IntendedLeg,
    OrderFilled,
    OrderRejected,
    OrderSent,
    ProtectionHit,
)
from trade.journal.failpoint import failpoint
from trade.orders.denial import Denial
from trade.orders.orders import Leg, Order, Rejection, Side, client_order_id
from trade.orders.protection import Protection, Trigger, triggered
from trade.session.desk import Desk
from trade.session.order_builder import build_order


class Execution:
    """Sends one bar's orders and protections.

    Every step first looks whether the journal already has it, so a resumed bar goes on where it
    was cut off and sends again, under the same id, what has no outcome.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def hand_over(self, bar: int) -> None:
        """Sell at this bar's open who is out of its slot: no limit of entries is in the way."""
        state = self._desk.state
        for leaver in self._desk.seats.leavers(bar):
            order_id = self._order_id(bar - 1, leaver.symbol, Leg.LEAVER)
            if order_id not in state.handed_over:
                event = HandOver(client_order_id=order_id, bar=bar, **asdict(leaver))
                self._desk.log.record(event)
            if state.account.quantity(leaver.symbol) and order_id not in state.settled:
                self._send(self._sale(order_id, leaver.symbol, Leg.LEAVER, leaver.price), bar)

    def open(self, bar: int) -> None:
        """Send what was intended at the close before, in asset order, at this bar's open."""
        state = self._desk.state
        intent = state.intent_of(bar - 1)
        for leg in intent.legs if intent else ():
            if leg.client_order_id not in state.settled:
                self._send_leg(leg, bar)

    def protect(self, bar: int, protection: Protection) -> None:
        """Close the positions whose stop or target this bar touches."""
        for symbol, trigger in list(self._triggered(bar, protection)):
            self._send_protection(symbol, trigger, bar)

    def deny(self, denial: Denial, order_id: str, bar: int) -> None:
        """Journal a refusal, which settles the order id."""
        numbers = {name: value for name, value in asdict(denial).items() if value != ""}
        self._desk.log.record(EntryDenied(client_order_id=order_id, bar=bar, **numbers))

    def _order_id(self, decided: int, symbol: str, leg: Leg) -> str:
        """The id of an order that follows from a bar and not from the policy."""
        session_id = self._desk.terms.session_id
        return client_order_id(session_id, decision_id(self._desk.table, decided), symbol, leg)

    def _sale(self, order_id: str, symbol: str, leg: Leg, price: float) -> Order:
        """An order to sell all that is held, from a price in USD."""
        quantity = self._desk.state.account.quantity(symbol)
        return Order(order_id, symbol, Side.SELL, leg, quantity=quantity, trigger_price=price)

    def _send_leg(self, leg: IntendedLeg, bar: int) -> None:
        order_id = leg.client_order_id
        waiting = self._desk.state.open_orders.get(order_id)
        order = waiting or build_order(self._desk, leg, bar)
        if isinstance(order, Denial):
            self.deny(order, order_id, bar)
        else:
            self._send(order, bar)

    def _triggered(self, bar: int, protection: Protection) -> Iterator[tuple[str, Trigger]]:
        positions = self._desk.state.account.positions
        for column, symbol in enumerate(self._desk.table.symbols):
            if symbol not in positions or not self._desk.table.tradable[bar, column]:
                continue
            entry = positions[symbol].entry_price
            stop, target = protection.stop_price(entry), protection.target_price(entry)
            trigger = triggered(self._prices(bar, column), stop, target)
            if trigger:
                yield symbol, trigger

    def _prices(self, bar: int, column: int) -> tuple[float, float, float]:
        table = self._desk.table
        return (
            float(table.open[bar, column]),
            float(table.high[bar, column]),
            float(table.low[bar, column]),
        )

    def _send_protection(self, symbol: str, trigger: Trigger, bar: int) -> None:
        order_id = self._order_id(bar, symbol, trigger.leg)
        if order_id not in self._desk.state.protecting:
            event = ProtectionHit(
                client_order_id=order_id, symbol=symbol, bar=bar, **asdict(trigger)
            )
            self._desk.log.record(event)
        self._send(self._sale(order_id, symbol, trigger.leg, trigger.price), bar)

    def _send(self, order: Order, bar: int) -> None:
        if order.client_order_id not in self._desk.state.open_orders:
            self._desk.log.record(OrderSent(bar=bar, **asdict(order)))
        failpoint("after_order")
        outcome = self._desk.broker.submit(order, bar)
        failpoint("after_submit")
        if isinstance(outcome, Rejection):
            self._desk.log.record(OrderRejected(bar=bar, leg=order.leg, **asdict(outcome)))
            return
        decided = bar if order.leg.inside_bar else bar - 1
        session = int(self._desk.table.session[decided])
        fill = OrderFilled(bar=bar, leg=order.leg, decided_in=session, **asdict(outcome))
        self._desk.log.record(fill)
        failpoint("after_fill")
