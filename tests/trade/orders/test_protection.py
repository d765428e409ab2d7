import pytest

from cluster.errors import ConfigError
from trade.journal.journal import read_journal
from trade.orders.orders import Leg
from trade.orders.protection import Protection, Trigger, triggered
from trade.session.replay import replay_table

STOP, TARGET = 95.0, 110.0


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((100.0, 109.9, 95.1), None),
        ((100.0, 101.0, 95.0), Trigger(Leg.STOP_LOSS, 95.0, gap=False)),
        ((100.0, 110.0, 99.0), Trigger(Leg.TAKE_PROFIT, 110.0, gap=False)),
        ((100.0, 120.0, 80.0), Trigger(Leg.STOP_LOSS, 95.0, gap=False)),
        ((90.0, 120.0, 80.0), Trigger(Leg.STOP_LOSS, 90.0, gap=True)),
        ((95.0, 96.0, 94.0), Trigger(Leg.STOP_LOSS, 95.0, gap=True)),
        ((115.0, 116.0, 90.0), Trigger(Leg.TAKE_PROFIT, 115.0, gap=True)),
    ],
    ids=["inside", "stop", "target", "both: stop first", "gap down", "at the stop", "gap up"],
)
def test_what_a_bar_sets_off(bar, expected) -> None:
    assert triggered(bar, STOP, TARGET) == expected


@pytest.mark.parametrize("levels", [{"stop_loss": 0.0}, {"stop_loss": 1.0}, {"take_profit": 0.0}])
def test_levels_out_of_range_are_refused(levels) -> None:
    with pytest.raises(ConfigError):
        Protection(**levels)


def replayed(table, scripted, request_for, journal, **settings):
    policy = scripted(table, {0: {"S0": 1}})
    ask = request_for(table, policy, journal, protection=Protection(0.05, 0.10), **settings)
    result = replay_table(ask, table)
    return result, [r.event.payload() for r in read_journal(journal) if r.kind == "fill"]


def test_a_touched_stop_fills_at_the_stop(flat_table, scripted, request_for, journal) -> None:
    # given a buy at 100 and a bar whose low touches both levels' way down
    table = flat_table(bars=6)
    table.low[3, 0], table.high[3, 0] = 94.0, 111.0
    result, fills = replayed(table, scripted, request_for, journal)
    # then the stop fills at 95 in that bar: 20 % of 100,000 loses 5 %
    assert [(f["leg"], f["bar"], f["price"]) for f in fills] == [
        ("entry", 1, 100.0),
        ("stop_loss", 3, 95.0),
    ]
    assert result.protection_exits == 1
    assert result.final_equity == pytest.approx(99_000.0)


def test_a_gap_through_the_stop_fills_at_the_open(
    flat_table, scripted, request_for, journal
) -> None:
    table = flat_table(bars=6)
    table.open[3, 0] = table.low[3, 0] = 80.0
    result, fills = replayed(table, scripted, request_for, journal)
    assert fills[1]["price"] == 80.0
    assert result.final_equity == pytest.approx(96_000.0)


def test_an_entry_is_protected_in_the_bar_it_fills_in(
    flat_table, scripted, request_for, journal
) -> None:
    table = flat_table(bars=4)
    table.high[1, 0] = 112.0
    _, fills = replayed(table, scripted, request_for, journal)
    assert [(f["leg"], f["bar"]) for f in fills] == [("entry", 1), ("take_profit", 1)]
    assert fills[1]["price"] == pytest.approx(110.0)


def test_nothing_is_set_off_where_the_symbol_does_not_trade(
    flat_table, scripted, request_for, journal
) -> None:
    table = flat_table(bars=6)
    table.low[3, 0] = 50.0
    table.tradable[3, 0] = False
    result, _ = replayed(table, scripted, request_for, journal)
    assert result.protection_exits == 0


def test_exits_pay_the_cost_model(flat_table, scripted, request_for, journal) -> None:
    table = flat_table(bars=6)
    table.low[3, 0] = 94.0
    params = {"slippage_model": "none", "spread_bps": 10.0}
    _, fills = replayed(table, scripted, request_for, journal, params=params)
    entry = 100.0 * 1.001
    assert fills[1]["price"] == pytest.approx(entry * 0.95 * 0.999)


def test_a_policy_that_is_down_leaves_protection_on(
    flat_table, scripted, request_for, journal
) -> None:
    # given a buy, then a policy without answers
    table = flat_table(bars=8)
    table.low[5, 0] = 90.0
    policy = scripted(table, {0: {"S0": 1}, 2: {"S0": 1}}, outages=(1, 2, 3, 4, 5, 6))
    ask = request_for(table, policy, journal, protection=Protection(0.05, 0.10))
    result = replay_table(ask, table)
    # then nothing is bought, the stop works, and the journal says why nothing was decided
    assert result.policy_failures == 6
    assert (result.orders, result.fills, result.protection_exits) == (2, 2, 1)
    failures = [r.event.payload() for r in read_journal(journal) if "failure" in r.event.payload()]
    assert "outage" in failures[0]["failure"]
    assert failures[0]["actions"] == {}
