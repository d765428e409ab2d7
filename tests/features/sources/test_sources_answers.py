"""What the three real clients make of good answers."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from features.bars.checks import check_bars, dated_at_midnight
from features.bars.schema import BAR_SCHEMA
from places import ROOT

START = datetime(2024, 1, 8, tzinfo=UTC)
END = datetime(2024, 1, 20, tzinfo=UTC)  # 9 sessions: the 15th is a holiday
NAMES = ("alpaca", "yahoo", "polygon")


@pytest.mark.parametrize("name", NAMES)
def test_daily_bars_of_all_pages_come_with_their_origin(vendors, name):
    fetched = vendors.source(name).fetch(["AAA"], "1d", START, END)

    bars = dated_at_midnight(check_bars(fetched.bars, origin=name).frame)
    assert dict(fetched.bars.schema) == BAR_SCHEMA
    assert bars["ts"].dt.date().to_list() == [
        date(2024, 1, day) for day in (8, 9, 10, 11, 12, 16, 17, 18, 19)
    ]
    assert bars["open"].to_list() == [104.0, 105, 106, 107, 108, 109, 110, 111, 112]
    assert bars["close"][0] == pytest.approx(104 * 1.005)
    assert bars["volume"][0] == 1004.0
    assert (fetched.adjustment, fetched.retrieved, fetched.missing) == ("split", vendors.now, {})


@pytest.mark.parametrize("name", NAMES)
def test_hourly_bars_are_in_utc_and_end_before_the_end(vendors, name):
    end = datetime(2024, 1, 9, 16, tzinfo=UTC)

    bars = vendors.source(name).fetch(["AAA"], "1h", START, end).bars.sort("ts")

    minute = 30 if name == "yahoo" else 0
    assert bars["ts"][0] == datetime(2024, 1, 8, 14, minute, tzinfo=UTC)
    assert bars["ts"][-1] == datetime(2024, 1, 9, 15, minute, tzinfo=UTC)
    assert bars.height == 9


@pytest.mark.parametrize("name", NAMES)
def test_several_symbols_come_together(vendors, name):
    fetched = vendors.source(name).fetch(["AAA", "BBB"], "1d", START, END)

    counts = fetched.bars.group_by("symbol").len().sort("symbol").rows()
    assert counts == [("AAA", 9), ("BBB", 9)]


@pytest.mark.parametrize("name", NAMES)
def test_a_symbol_with_a_class_keeps_its_name(vendors, name):
    fetched = vendors.source(name).fetch(["BRK-B"], "1d", START, END)

    assert fetched.bars["symbol"].unique().to_list() == ["BRK-B"]
    spelt = "BRK-B" if name == "yahoo" else "BRK.B"
    (call,) = vendors.server(name).calls[:1]
    assert spelt in call.path or spelt in call.query.get("symbols", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_window_without_bars_is_no_error(vendors, name):
    weekend = datetime(2024, 1, 13, tzinfo=UTC)

    fetched = vendors.source(name).fetch(["AAA"], "1d", weekend, weekend + timedelta(days=2))

    assert fetched.bars.height == 0
    assert dict(fetched.bars.schema) == BAR_SCHEMA


def test_alpaca_is_asked_for_split_adjusted_consolidated_bars_16_minutes_old(vendors):
    vendors.now = datetime(2024, 1, 10, 15, tzinfo=UTC)

    vendors.alpaca_source().fetch(["AAA"], "1h", START, END)

    query = vendors.alpaca.calls[0].query
    assert (query["adjustment"], query["feed"]) == ("split", "sip")
    assert query["end"].startswith("2024-01-10T14:43:59")


def test_polygon_takes_one_request_a_day_of_all_symbols_where_that_is_cheaper(vendors):
    source = vendors.polygon_source()
    two_days = START + timedelta(days=2)

    assert source.batches(["AAA", "BBB", "BRK-B"], "1d", START, two_days) == [
        ["AAA", "BBB", "BRK-B"]
    ]
    bars = source.fetch(["AAA", "BBB", "BRK-B"], "1d", START, two_days).bars

    assert [call.path.split("/")[3] for call in vendors.polygon.calls] == ["grouped"] * 2
    assert bars.group_by("symbol").len().sort("symbol").rows() == [
        ("AAA", 2),
        ("BBB", 2),
        ("BRK-B", 2),
    ]


def test_polygon_takes_one_request_a_symbol_for_long_windows_and_hourly_bars(vendors):
    source = vendors.polygon_source()

    assert source.batches(["AAA", "BBB"], "1d", START, END) == [["AAA"], ["BBB"]]
    assert source.batches(["AAA", "BBB"], "1h", START, START + timedelta(days=1)) == [
        ["AAA"],
        ["BBB"],
    ]


def test_alpaca_takes_as_many_symbols_a_request_as_bring_a_hundred_thousand_bars(vendors):
    source, symbols = vendors.alpaca_source(), [f"S{n}" for n in range(250)]

    def sizes(interval: str, days: int) -> list[int]:
        first = START - timedelta(days=days)
        return [len(batch) for batch in source.batches(symbols, interval, first, START)]

    assert sizes("1d", 9) == [100, 100, 50]
    assert sizes("1h", 365 * 5)[:2] == [4, 4]
    assert sum(sizes("1h", 365 * 5)) == 250


def test_keys_go_in_headers_and_not_in_the_address(vendors):
    vendors.alpaca_source().fetch(["AAA"], "1d", START, END)
    vendors.polygon_source().fetch(["AAA"], "1d", START, END)

    for call in (*vendors.alpaca.calls, *vendors.polygon.calls):
        assert "key" not in "".join(call.query.values()) + call.path
    assert vendors.alpaca.calls[0].headers["APCA-API-SECRET-KEY"] == "secret"


YAHOO_CALL = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from features.sources.protocol import Access
from features.sources.yahoo import YahooSource
source = YahooSource(Path(sys.argv[1]), Access(base_url=sys.argv[2]))
start, end = datetime(2024, 1, 8, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC)
print(source.fetch(["AAA"], "1d", start, end).bars.height)
"""


def test_yahoo_keeps_its_pickles_in_a_folder_of_its_owner(vendors, tmp_path):
    cache, user = tmp_path / "cache", tmp_path / "user"
    user.mkdir()
    command = [sys.executable, "-c", YAHOO_CALL, str(cache), vendors.yahoo.url]
    environment = os.environ | {"HOME": str(user), "XDG_CACHE_HOME": str(user)}
    root = ROOT

    found = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    )

    assert found.stdout.strip() == "9"
    assert cache.stat().st_mode & 0o777 == 0o700
    assert any(cache.iterdir())
    assert list(user.iterdir()) == []


def test_a_bar_of_half_a_number_is_left_for_the_checks_to_find(vendors, market):
    market.prices["AAA"] = float("nan")

    bars = vendors.alpaca_source().fetch(["AAA"], "1d", START, END).bars

    assert bars.filter(pl.col("close").is_nan()).height == 9
