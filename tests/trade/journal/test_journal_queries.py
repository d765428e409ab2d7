from pathlib import Path

import pytest

from trade.journal import journal_queries as views
from trade.journal.journal import read_journal
from trade.orders.protection import Protection
from trade.session.replay import replay_table


@pytest.fixture
def records(flat_table, scripted, request_for, journal: Path):
    """A buys at 100 and holds, B is stopped out at 95, a third decision finds no policy."""
    table = flat_table(bars=8, assets=2)
    table.low[3, 1] = 94.0
    table.close[7, 0] = table.high[7, 0] = 104.0
    policy = scripted(table, {0: {"S0": 1, "S1": 1}, 1: {"S0": 1}}, outages=(5,))
    ask = request_for(table, policy, journal, protection=Protection(0.05, 0.10))
    replay_table(ask, table)
    return read_journal(journal)


def test_positions_show_value_gain_and_levels(records) -> None:
    (row,) = views.positions(records)
    assert row["symbol"] == "S0"
    assert row["quantity"] == pytest.approx(200.0)
    assert row["gain"] == pytest.approx(800.0)
    assert (row["entry_price"], row["price"]) == (100.0, 104.0)
    assert row["share"] == pytest.approx(20_800.0 / 100_000.0)
    assert (row["stop"], row["target"]) == (pytest.approx(95.0), pytest.approx(110.0))


def test_orders_show_their_outcome(records) -> None:
    rows = views.orders(records)
    assert [(row["symbol"], row["leg"], row["status"]) for row in rows] == [
        ("S0", "entry", "filled"),
        ("S1", "entry", "filled"),
        ("S1", "stop_loss", "filled"),
    ]
    assert rows[2]["price"] == pytest.approx(95.0)
    assert rows[0]["bar_ts"] == "2025-03-03T15:30:00+00:00"


def test_an_order_without_an_outcome_is_submitted(records) -> None:
    cut = next(n for n, record in enumerate(records) if record.kind == "fill")
    (row,) = views.orders(records[:cut])
    assert (row["status"], row["price"]) == ("submitted", None)
    assert views.state(records[:cut])["open_orders"] == 1


def test_the_curve_has_a_point_a_close(records) -> None:
    curve = views.equity_curve(records)
    assert len(curve) == 8
    assert curve[0] == {
        "bar_ts": "2025-03-03T14:30:00+00:00",
        "equity": 100_000.0,
        "cash": 100_000.0,
        "exposure": 0.0,
    }
    # the second buy takes 20 % of the 80,000 left, and its stop 5 % of that
    assert curve[3]["equity"] == pytest.approx(99_200.0)
    assert curve[-1]["exposure"] == pytest.approx(20_800.0 / 100_000.0)


def test_denials_show_their_numbers(records) -> None:
    (denial,) = views.denials(records)
    assert (denial["code"], denial["symbol"]) == ("MIN_HOLDING_PERIOD", "S0")
    assert (denial["limit"], denial["asked"]) == (2.0, 1.0)


def test_the_state_says_what_it_is_and_how_old(records) -> None:
    assert views.state([]) == {"status": "EMPTY"}
    row = views.state(records)
    assert (row["label"], row["status"], row["positions"]) == ("SIMULATED", "ENDED", 1)
    assert row["equity"] == pytest.approx(100_000.0)
    assert row["bar_ts"] == "2025-03-04T14:30:00+00:00"
    assert row["last_record"] == records[-1].ts
    assert views.state(records[:-1])["status"] == "RUNNING"
    assert views.state(records[:1])["bar_ts"] is None
