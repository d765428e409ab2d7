from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from trade.journal.events import OrderFilled, OrderSent
from trade.orders.account import Account, Position
from trade.orders.orders import Fill, Leg, Order, Side, client_order_id


def fill(side: Side, quantity: float, price: float, symbol: str = "A", fees: float = 0.0) -> Fill:
    sign = -1.0 if side is Side.BUY else 1.0
    return Fill("id", symbol, side, quantity, price, sign * quantity * price - fees, fees)


def test_a_buy_a_second_buy_and_a_sale() -> None:
    account = Account.opened_with(1000.0)
    account.apply(fill(Side.BUY, 2.0, 100.0, fees=1.0))
    account.apply(fill(Side.BUY, 1.0, 130.0))
    assert account.positions == {"A": Position(3.0, 110.0)}
    assert account.cash == 669.0
    account.mark({"A": 120.0})
    assert (account.equity, account.peak) == (1029.0, 1029.0)
    account.apply(fill(Side.SELL, 3.0, 90.0))
    account.mark({})
    assert (account.equity, account.peak, account.positions) == (939.0, 1029.0, {})


def test_a_partial_sale_keeps_the_entry_price() -> None:
    account = Account.opened_with(1000.0)
    account.apply(fill(Side.BUY, 4.0, 100.0))
    account.apply(fill(Side.SELL, 1.0, 50.0))
    assert account.positions == {"A": Position(3.0, 100.0)}


def test_more_cannot_be_sold_than_is_held() -> None:
    with pytest.raises(DataError, match=r"sells 1.0 A: only 0.0 are held"):
        Account.opened_with(1000.0).apply(fill(Side.SELL, 1.0, 100.0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("AB"), st.booleans(), st.floats(0.5, 20), st.floats(1, 200)),
        max_size=30,
    )
)
def test_cash_and_positions_are_the_sum_of_the_fills(trades) -> None:
    account = Account.opened_with(10_000.0)
    cash, units = 10_000.0, {"A": 0.0, "B": 0.0}
    for symbol, buys, quantity, price in trades:
        if not buys and units[symbol] < quantity:
            continue
        account.apply(fill(Side.BUY if buys else Side.SELL, quantity, price, symbol))
        units[symbol] += quantity if buys else -quantity
        cash -= quantity * price if buys else -quantity * price
    assert account.cash == pytest.approx(cash)
    for symbol, held in units.items():
        assert account.quantity(symbol) == pytest.approx(held, abs=1e-5)


def test_an_order_id_is_the_same_after_a_restart_and_differs_by_leg() -> None:
    first = client_order_id("s1", "20250303T143000", "NVDA", Leg.ENTRY)
    assert first == client_order_id("s1", "20250303T143000", "NVDA", Leg.ENTRY)
    assert first == "s1.20250303T143000.NVDA.entry"
    assert first != client_order_id("s1", "20250303T143000", "NVDA", Leg.EXIT)


def test_orders_and_fills_survive_their_event() -> None:
    order = Order("id", "A", Side.SELL, Leg.STOP_LOSS, quantity=0.1, trigger_price=95.5)
    assert OrderSent(bar=3, **asdict(order)).order() == order
    booked = fill(Side.SELL, 0.1, 95.5, fees=0.25)
    event = OrderFilled(bar=3, leg=Leg.EXIT, decided_in=1, **asdict(booked))
    assert event.fill() == booked
