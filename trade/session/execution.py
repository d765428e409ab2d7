"""From intents to fills: the order on disk, then at the broker, then its outcome on disk."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from trade.bars.bar_table import decision_id
from trade.bars.slot_map import Leaver
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
        session_id, decided = state.opening["session_id"], decision_id(self._desk.table, bar - 1)
        for leaver in self._desk.seats.leavers(bar):
            order_id = client_order_id(session_id, decided, leaver.symbol, Leg.LEAVER)
            if order_id not in state.handed_over:
                payload = {"client_order_id": order_id, "bar": bar, **asdict(leaver)}
                self._desk.log.record("handover", payload, durable=True)
            quantity = state.account.quantity(leaver.symbol)
            if quantity and order_id not in state.settled:
                self._send(self._sale_of(leaver, order_id, quantity), bar)

    def open(self, bar: int) -> None:
        """Send what was intended at the close before, in asset order, at this bar's open."""
        state = self._desk.state
        if state.intent.get("bar") != bar - 1:
            return
        for leg in state.intent["legs"]:
            if leg["client_order_id"] not in state.settled:
                self._send_leg(leg, bar)

    def protect(self, bar: int, protection: Protection) -> None:
        """Close the positions whose stop or target this bar touches."""
        for symbol, trigger in list(self._triggered(bar, protection)):
            self._send_protection(symbol, trigger, bar)

    def deny(self, denial: Denial, order_id: str, bar: int) -> None:
        """Journal a refusal, which settles the order id."""
        self._desk.log.record(
            "denial", denial.payload() | {"client_order_id": order_id, "bar": bar}
        )

    def _sale_of(self, leaver: Leaver, order_id: str, quantity: float) -> Order:
        return Order(
            order_id,
            leaver.symbol,
            Side.SELL,
            Leg.LEAVER,
            quantity=quantity,
            trigger_price=leaver.price,
        )

    def _send_leg(self, leg: dict[str, Any], bar: int) -> None:
        order_id = leg["client_order_id"]
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
        state = self._desk.state
        order_id = client_order_id(
            state.opening["session_id"], decision_id(self._desk.table, bar), symbol, trigger.leg
        )
        if order_id not in state.protecting:
            details = {"leg": trigger.leg.value, "price": trigger.price, "gap": trigger.gap}
            payload = {"client_order_id": order_id, "bar": bar, "symbol": symbol} | details
            self._desk.log.record("protection", payload, durable=True)
        quantity = state.account.quantity(symbol)
        price = trigger.price
        order = Order(
            order_id, symbol, Side.SELL, trigger.leg, quantity=quantity, trigger_price=price
        )
        self._send(order, bar)

    def _send(self, order: Order, bar: int) -> None:
        if order.client_order_id not in self._desk.state.open_orders:
            self._desk.log.record("order", order.payload() | {"bar": bar}, durable=True)
        failpoint("after_order")
        outcome = self._desk.broker.submit(order, bar)
        failpoint("after_submit")
        payload = outcome.payload() | {"bar": bar, "leg": order.leg.value}
        if isinstance(outcome, Rejection):
            self._desk.log.record("rejection", payload)
            return
        inside_bar = order.leg in (Leg.STOP_LOSS, Leg.TAKE_PROFIT)
        decided = bar if inside_bar else bar - 1
        self._desk.log.record(
            "fill", payload | {"decided_in": int(self._desk.table.session[decided])}
        )
        failpoint("after_fill")
