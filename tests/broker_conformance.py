"""What every broker must do, whatever its prices; run by `tests/trade/brokers`."""

from collections.abc import Callable

import numpy as np
import pytest

from cluster.errors import DataError
from envs import V6Params
from features import AlignedTable
from trade.bars.slot_map import Seats
from trade.brokers.port import Broker, BrokerSetup
from trade.orders.account import Account
from trade.orders.orders import Fill, Leg, Order, Rejection, Side

MakeBroker = Callable[[BrokerSetup], Broker]
CASH = 100_000.0


def setup_for(table: AlignedTable, known_ids: frozenset[str] = frozenset()) -> BrokerSetup:
    """An account of cash only, at V6's usual costs."""
    return BrokerSetup(
        seats=Seats(table),
        v6=V6Params.default(commission=1.0).rule_params(),
        account=Account.opened_with(CASH),
        seed=3,
        known_ids=known_ids,
    )


def buy(notional: float, order_id: str = "entry") -> Order:
    return Order(order_id, "S0", Side.BUY, Leg.ENTRY, notional=notional)


def sell(quantity: float, order_id: str = "exit", *, stop: float = 0.0) -> Order:
    leg = Leg.STOP_LOSS if stop else Leg.EXIT
    return Order(order_id, "S0", Side.SELL, leg, quantity=quantity, trigger_price=stop)


def filled(outcome: Fill | Rejection) -> Fill:
    assert isinstance(outcome, Fill), outcome
    return outcome


class BrokerConformance:
    """Subclass it with a fixture `make_broker` that takes a `BrokerSetup`."""

    def test_a_buy_spends_its_notional_and_its_fees(self, make_broker: MakeBroker, flat_table):
        # given bars at 100 USD
        broker = make_broker(setup_for(flat_table(bars=4)))
        # when 5,000 USD are spent
        fill = filled(broker.submit(buy(5000.0), 1))
        # then that is what the units cost, and the fees come on top
        assert (fill.client_order_id, fill.symbol, fill.side) == ("entry", "S0", Side.BUY)
        assert fill.quantity * fill.price == pytest.approx(5000.0)
        assert fill.fees >= 0.0
        assert fill.cash_change == pytest.approx(-5000.0 - fill.fees)

    def test_a_sale_brings_its_value_less_its_fees(self, make_broker: MakeBroker, flat_table):
        broker = make_broker(setup_for(flat_table(bars=4)))
        bought = filled(broker.submit(buy(5000.0), 1))
        fill = filled(broker.submit(sell(bought.quantity), 2))
        assert (fill.side, fill.quantity) == (Side.SELL, pytest.approx(bought.quantity))
        assert fill.cash_change == pytest.approx(fill.quantity * fill.price - fill.fees)
        # and a round trip at one price never earns
        assert bought.cash_change + fill.cash_change <= 0.0

    @pytest.mark.parametrize("seed", range(5))
    def test_no_entry_costs_more_than_was_said(self, make_broker: MakeBroker, seed, walk_table):
        # given the worst case of entries of up to 8,000 USD at bars that move
        table = walk_table(bars=30, seed=seed)
        broker = make_broker(setup_for(table))
        for bar in range(1, 9):
            cost = broker.entry_cost("S0", 8000.0, bar)
            # when a part of it is bought
            notional = 1000.0 * bar
            fill = filled(broker.submit(buy(notional, f"entry-{bar}"), bar))
            # then neither price nor fees are worse: the risk gate reckons with them
            assert fill.price <= cost.worst_price
            most = notional * cost.fee_rate + cost.commission
            assert fill.fees <= most * (1 + 1e-9) + 1e-9

    def test_a_client_order_id_is_filled_once(self, make_broker: MakeBroker, flat_table):
        broker = make_broker(setup_for(flat_table(bars=4)))
        filled(broker.submit(buy(1000.0), 1))
        again = broker.submit(buy(1000.0), 1)
        assert isinstance(again, Rejection)
        assert again.client_order_id == "entry"

    def test_ids_of_an_earlier_run_are_not_filled_again(self, make_broker: MakeBroker, flat_table):
        setup = setup_for(flat_table(bars=4), frozenset({"entry"}))
        assert isinstance(make_broker(setup).submit(buy(1000.0), 1), Rejection)

    def test_what_is_not_held_cannot_be_sold(self, make_broker: MakeBroker, flat_table):
        broker = make_broker(setup_for(flat_table(bars=4)))
        assert isinstance(broker.submit(sell(1.0), 1), Rejection)
        held = filled(broker.submit(buy(1000.0), 1)).quantity
        refused = broker.submit(sell(held + 1.0, "too much"), 2)
        assert isinstance(refused, Rejection)
        assert refused.reason
        # and the refusal changed nothing: all of it can still be sold
        filled(broker.submit(sell(held, "all"), 2))

    def test_more_than_the_cash_cannot_be_spent(self, make_broker: MakeBroker, flat_table):
        broker = make_broker(setup_for(flat_table(bars=4)))
        assert isinstance(broker.submit(buy(CASH + 1.0), 1), Rejection)
        filled(broker.submit(buy(CASH / 2, "half"), 1))

    def test_nothing_trades_in_a_bar_without_trading(self, make_broker: MakeBroker, flat_table):
        table = flat_table(bars=4)
        table.tradable[1, 0] = False
        broker = make_broker(setup_for(table))
        assert isinstance(broker.submit(buy(1000.0), 1), Rejection)

    def test_a_stop_sells_from_its_trigger_price(self, make_broker: MakeBroker, flat_table):
        broker = make_broker(setup_for(flat_table(bars=4)))
        held = filled(broker.submit(buy(5000.0), 1)).quantity
        fill = filled(broker.submit(sell(held, "stop", stop=95.0), 1))
        assert fill.price == pytest.approx(95.0, rel=0.01)
        assert fill.price <= 95.0

    def test_the_fills_add_up_to_an_account(self, make_broker: MakeBroker, walk_table):
        # given random orders over bars that move
        table = walk_table(bars=60, seed=1)
        broker = make_broker(setup_for(table))
        random = np.random.default_rng(2)
        account = Account.opened_with(CASH)
        outcomes = []
        for bar in range(1, 60):
            held = account.quantity("S0")
            order = buy(float(random.uniform(500, 9000)), f"{bar}")
            if held and random.random() < 0.5:
                order = sell(held, f"{bar}")
            outcomes.append(broker.submit(order, bar))
            # when its fills are booked, then none contradicts those before
            if isinstance(outcomes[-1], Fill):
                try:
                    account.apply(outcomes[-1])
                except DataError as error:
                    pytest.fail(str(error))
        assert sum(isinstance(outcome, Fill) for outcome in outcomes) > 30
        assert account.cash >= 0.0
