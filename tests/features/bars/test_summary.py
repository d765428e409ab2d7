from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from cluster.errors import DataError
from features import SimulatedMarket, read_bars, summarise
from places import DATA


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    # 2024-07-03 is a half day, 2024-07-04 a holiday
    return SimulatedMarket(symbols=2, sessions=5, start=date(2024, 7, 1)).bars()


def test_symbols_span_and_interval_are_told(bars):
    summary = summarise(bars)

    assert summary.symbols == ("SIMB01", "SIMC01")
    assert summary.bars == 2 * (4 * 7 + 4)
    assert summary.start == datetime(2024, 7, 1, 13, 30, tzinfo=UTC)
    assert summary.end == datetime(2024, 7, 8, 19, 30, tzinfo=UTC)
    assert summary.interval == "1h"
    assert (summary.gaps, summary.outside) == (0, 0)


def test_missing_bars_are_counted_between_a_symbols_first_and_last(bars):
    holed = bars[[*range(3, 10), *range(13, 30), *range(32, 64)]]

    summary = summarise(holed)

    assert summary.per_symbol.select("symbol", "bars", "gaps").rows() == [
        ("SIMB01", 24, 3),
        ("SIMC01", 32, 0),
    ]
    assert summary.gaps == 3


def test_a_session_that_every_symbol_lacks_is_a_gap(bars):
    holed = bars.filter(pl.col("ts").dt.date() != date(2024, 7, 3))

    assert summarise(holed).gaps == 2 * 4


def test_bars_at_night_are_counted_apart_and_fill_no_gap(bars):
    holed = bars.filter(pl.col("ts").dt.date() != date(2024, 7, 2))
    night = bars.with_columns(pl.col("ts") + timedelta(hours=9))

    summary = summarise(pl.concat([holed, night]).sort("symbol", "ts"))

    assert (summary.gaps, summary.outside) == (2 * 7, 64)


def test_bars_on_the_hour_are_expected_on_the_hour(bars):
    on_the_hour = bars.with_columns(pl.col("ts") + timedelta(minutes=30))  # to 16:00: five are late
    holed = pl.concat([on_the_hour[:9], on_the_hour[11:]])

    summary = summarise(holed)

    assert summary.gaps == 2
    assert summary.outside == 2 * 5


def test_daily_gaps_follow_the_calendar():
    bars = SimulatedMarket(symbols=1, sessions=10, interval="1d", start=date(2024, 7, 1)).bars()

    whole, holed = summarise(bars), summarise(pl.concat([bars[:2], bars[5:]]))

    assert (whole.interval, whole.gaps) == ("1d", 0)
    assert holed.gaps == 3


def test_weekly_bars_are_refused():
    bars = SimulatedMarket(symbols=1, sessions=50, interval="1d").bars().gather_every(5)

    with pytest.raises(DataError, match="cannot summarise bars of 1w"):
        summarise(bars)


def test_real_daily_bars_have_a_handful_of_gaps():
    path = DATA / "daily.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")

    summary = summarise(read_bars(path).frame)

    assert len(summary.symbols) == 588
    assert (summary.gaps, summary.outside) == (19, 0)
    assert summary.start == datetime(2013, 3, 1, tzinfo=UTC)
