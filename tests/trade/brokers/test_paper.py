"""The built-in venue: V6's prices, its own books, and no order twice."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import V6Params
from envs.slippage.draws import DrawKey, fold_seed, uniform
from trade.bars.slot_map import Seats
from trade.brokers.paper import ENVIRONMENT, PaperBroker
from trade.brokers.port import BrokerSetup
from trade.orders.account import Account, Position
from trade.orders.orders import Fill, Leg, Order, Rejection, Side

SPREAD = {"slippage_model": "none", "spread_bps": 10.0, "sec_fee": 1e-4, "finra_taf": 2e-4}


def broker_for(table, cash: float = 1e5, seed: int = 0, **params) -> PaperBroker:
    p = V6Params.default(**(params or {"slippage_model": "none"})).rule_params()
    account = Account.opened_with(cash)
    return PaperBroker(BrokerSetup(seats=Seats(table), v6=p, account=account, seed=seed))


def buy(notional: float, order_id: str = "buy") -> Order:
    return Order(order_id, "S0", Side.BUY, Leg.ENTRY, notional=notional)


def sell(quantity: float, order_id: str = "sell", trigger_price: float = 0.0) -> Order:
    leg = Leg.STOP_LOSS if trigger_price else Leg.EXIT
    return Order(order_id, "S0", Side.SELL, leg, quantity=quantity, trigger_price=trigger_price)


def filled(outcome: Fill | Rejection) -> Fill:
    assert isinstance(outcome, Fill), outcome
    return outcome


def test_a_buy_pays_spread_fees_and_commission(flat_table) -> None:
    broker = broker_for(flat_table(bars=4), **SPREAD, commission=1.5)
    fill = filled(broker.submit(buy(10_010.0), 1))
    assert fill.price == pytest.approx(100.1)
    assert fill.quantity == pytest.approx(100.0)
    assert fill.fees == pytest.approx(10_010.0 * 3e-4 + 1.5)
    assert fill.cash_change == pytest.approx(-10_010.0 - fill.fees)
    assert broker.account.positions["S0"].entry_price == pytest.approx(100.1)


def test_a_sale_gets_the_open_less_the_costs(flat_table) -> None:
    broker = broker_for(flat_table(bars=4), **SPREAD, commission=1.5)
    bought = filled(broker.submit(buy(10_010.0), 1))
    fill = filled(broker.submit(sell(bought.quantity), 2))
    assert fill.price == pytest.approx(99.9)
    assert fill.fees == pytest.approx(9990.0 * 3e-4 + 1.5)
    assert fill.cash_change == pytest.approx(9990.0 - fill.fees)
    assert broker.account.positions == {}
    assert broker.account.cash == pytest.approx(1e5 + bought.cash_change + fill.cash_change)


def test_fees_that_are_more_than_the_proceeds_are_all_told(flat_table) -> None:
    # given: a position that has fallen to 0.10 a unit
    table = flat_table(bars=4)
    table.open[2] = 0.1
    broker = broker_for(table, slippage_model="none", spread_bps=0.0, commission=25.0)
    bought = filled(broker.submit(buy(10_000.0), 1))
    # when it is sold for 10 USD, less 25 of commission and the fees
    fill = filled(broker.submit(sell(bought.quantity), 2))
    # then it costs 15, and the fees are what was paid
    proceeds = fill.quantity * fill.price
    assert proceeds == pytest.approx(10.0)
    assert fill.fees == pytest.approx(25.0 + 10.0 * (0.0000221 + 0.000145))
    assert fill.cash_change == pytest.approx(proceeds - fill.fees)


def test_a_stop_trades_from_its_trigger_price(flat_table) -> None:
    broker = broker_for(flat_table(bars=4), **SPREAD)
    bought = filled(broker.submit(buy(10_010.0), 1))
    fill = filled(broker.submit(sell(bought.quantity, trigger_price=95.0), 1))
    assert fill.price == pytest.approx(95.0 * 0.999)


def test_slippage_comes_from_the_stream_of_a_backtests_first_environment(flat_table) -> None:
    # given the draw that V6 makes for this seed, decision bar and asset
    table = flat_table(bars=4, assets=3)
    key = DrawKey(fold_seed(77), ENVIRONMENT, bar=1, asset=0)
    slippage = 1e-4 + 9e-4 * uniform(key)
    assert 1e-4 <= slippage <= 1e-3
    # when an order that was decided at bar 1 fills at bar 2
    broker = broker_for(table, seed=77, slippage_model="realistic", spread_bps=0.0)
    fill = filled(broker.submit(buy(5000.0), 2))
    # then it pays that draw
    assert fill.price == pytest.approx(100.0 * (1 + slippage), rel=1e-12)


def test_impact_grows_with_the_square_root_of_the_size(flat_table) -> None:
    table = flat_table(bars=4)
    table.volume[0, 0], table.volatility[0, 0] = 10_000.0, 0.01
    params = {"slippage_model": "impact", "spread_bps": 0.0, "market_impact_factor": 0.0}
    paid = []
    for notional in (10_000.0, 40_000.0):
        broker = broker_for(table, **params)
        paid.append(filled(broker.submit(buy(notional), 1)).price / 100.0 - 1.0)
    assert paid == pytest.approx([0.001, 0.002])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    bar=st.integers(1, 59),
    wanted=st.floats(200.0, 90_000.0),
    share=st.floats(0.01, 1.0),
    slippage_model=st.sampled_from(["none", "realistic", "impact"]),
)
def test_no_buy_pays_more_than_the_worst_price(
    seed, bar, wanted, share, slippage_model, walk_table
) -> None:
    # given the worst price of buying for `wanted` or less
    table = walk_table(bars=60)
    broker = broker_for(table, seed=seed, slippage_model=slippage_model)
    cost = broker.entry_cost("S0", wanted, bar)
    # when a part of it is bought
    outcome = broker.submit(buy(wanted * share), bar)
    # then the price is no worse, and the fees are what was said
    if isinstance(outcome, Fill):
        assert outcome.price <= cost.worst_price
        assert outcome.fees == pytest.approx(wanted * share * cost.fee_rate, rel=1e-6)


def test_an_order_id_is_filled_once(flat_table) -> None:
    table = flat_table(bars=4)
    setup = BrokerSetup(
        seats=Seats(table),
        v6=V6Params.default(slippage_model="none").rule_params(),
        account=Account.opened_with(1e5),
        known_ids={"old"},
    )
    broker = PaperBroker(setup)
    filled(broker.submit(buy(1000.0), 1))
    assert broker.submit(buy(1000.0), 1) == Rejection("buy", "S0", "DUPLICATE_ID")
    assert broker.submit(buy(1000.0, "old"), 1) == Rejection("old", "S0", "DUPLICATE_ID")
    assert broker.account.quantity("S0") == pytest.approx(1000.0 / 100.02)


@pytest.mark.parametrize(
    ("order", "bar", "reason"),
    [
        (buy(500.0), 2, "NO_PRICE"),
        (buy(100.0), 1, "TOO_SMALL"),
        (buy(999.0), 1, "NO_CASH"),
        (sell(1.0), 1, "NO_POSITION"),
    ],
)
def test_what_cannot_be_traded_is_rejected_and_changes_nothing(
    order: Order, bar: int, reason: str, flat_table
) -> None:
    table = flat_table(bars=4)
    table.tradable[2, 0] = False
    broker = broker_for(table, cash=1000.0, slippage_model="none", commission=5.0)
    assert broker.submit(order, bar) == Rejection(order.client_order_id, "S0", reason)
    assert broker.account == Account.opened_with(1000.0)


def test_more_cannot_be_sold_than_the_broker_holds(flat_table) -> None:
    broker = broker_for(flat_table(bars=4))
    broker.account.positions["S0"] = Position(1.0, 100.0)
    assert broker.submit(sell(1.5), 1) == Rejection("sell", "S0", "NO_POSITION")


def test_the_brokers_books_are_the_traders(walk_table, scripted, journal: Path) -> None:
    """The oracle: what the venue holds is what the journal says, at every close."""
    from trade.journal.journal import Journal
    from trade.journal.session_log import SessionLog
    from trade.session.desk import Desk
    from trade.session.session import TradingSession
    from trade.session.session_config import Terms

    table = walk_table(bars=40, holes=0.1)
    random = np.random.default_rng(1)
    actions = {
        bar: {symbol: int(random.integers(0, 3)) for symbol in table.symbols} for bar in range(39)
    }
    params = V6Params.default(max_trades_per_day=50)
    broker = broker_for(table, slippage_model="realistic", max_trades_per_day=50)
    terms = Terms(
        session_id="session",
        label="SIMULATED",
        bundle_id="0123456789abcdef",
        params=params,
        limits=None,
        protection=None,
        seed=0,
        data="",
    )
    compared = 0

    def compare(bar: int) -> None:
        nonlocal compared
        compared += 1
        assert broker.account.positions == log.state.account.positions
        assert broker.account.cash == log.state.account.cash

    with Journal(journal) as written:
        log = SessionLog(written)
        desk = Desk(terms, Seats(table), broker, log)
        TradingSession(desk, scripted(table, actions)).run(0, 39, compare)
    assert compared == 39
    assert log.counts["fill"] > 20
