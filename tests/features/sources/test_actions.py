"""Splits and dividends of the three vendors, in the lake after a fetch of bars."""

from datetime import date

import pytest
from test_fetch import START, Shop, day

from features import Lake
from features.lake.actions import ActionStore
from features.sources.actions import dividend_row, split_row
from servers import Reply

SECONDS = 1705588200  # 2024-01-18 14:30 UTC


@pytest.fixture
def shop(vendors, market, tmp_path) -> Shop:
    market.alpaca_actions = {
        "forward_splits": [
            {"symbol": "AAA", "ex_date": "2024-01-18", "new_rate": 4, "old_rate": 1},
            {"symbol": "ZZZ", "ex_date": "2024-01-18", "new_rate": 2, "old_rate": 1},
        ],
        "reverse_splits": [
            {"symbol": "BBB", "ex_date": "2024-01-17", "new_rate": 1, "old_rate": 50}
        ],
        "cash_dividends": [
            {"symbol": "AAA", "ex_date": "2024-01-10", "rate": 0.24, "special": False},
            {"symbol": "AAA", "ex_date": "2024-01-10", "rate": 1.0, "special": True},
            {"symbol": "AAA", "ex_date": "soon", "rate": "n/a"},
        ],
    }
    market.polygon_actions = {
        "splits": [
            {"ticker": "AAA", "execution_date": "2024-01-18", "split_from": 1, "split_to": 4},
            {"ticker": "BBB", "execution_date": "2024-01-17", "split_from": 50, "split_to": 1},
        ],
        "dividends": [
            {"ticker": "AAA", "ex_dividend_date": "2024-01-10", "cash_amount": 1.24},
        ],
    }
    market.yahoo_events = {
        "splits": {"1": {"date": SECONDS, "numerator": 4, "denominator": 1}},
        "dividends": {"2": {"date": SECONDS - 8 * 86_400, "amount": 1.24}},
    }
    return Shop(vendors, Lake(tmp_path / "lake"))


@pytest.mark.parametrize("name", ["alpaca", "yahoo", "polygon"])
def test_a_fetch_of_bars_brings_the_splits_and_dividends_of_its_symbols(shop, name):
    shop.names = [name]

    assert shop.fetch("AAA", START, day(20)).complete

    actions = ActionStore(shop.lake.root).actions()
    rows = actions.select("symbol", "ex_date", "kind", "ratio", "amount", "currency").rows()
    assert rows == [
        ("AAA", date(2024, 1, 10), "dividend", None, 1.24, "USD"),
        ("AAA", date(2024, 1, 18), "split", 4.0, None, None),
    ]
    assert actions["source"].unique().to_list() == [name]


def test_bars_are_complete_without_them_and_it_is_said(shop):
    healthy = shop.vendors.alpaca.answer
    shop.vendors.alpaca.answer = lambda call: (
        Reply(404, {"message": "no such endpoint"}) if "actions" in call.path else healthy(call)
    )

    result = shop.fetch("AAA", START, day(20))

    assert result.complete
    assert result.notes() == {"no splits and dividends from alpaca: 404 no such endpoint": ["AAA"]}


def test_values_that_make_no_action_are_none():
    assert split_row("AAA", "2024-01-18", 1, 50)[3] == pytest.approx(0.02)
    assert split_row("AAA", "2024-01-18", 0, 1) is None
    assert split_row("AAA", "2024-01-18", 1, 1) is None
    assert split_row("AAA", None, 4, 1) is None
    assert dividend_row("AAA", "2024-01-18", "n/a") is None
    assert dividend_row("AAA", "2024-01-18", -1.0) is None
