"""Gaps, ends, the session's edges and adjusted prices."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from features import SimulatedMarket, summarise
from features.bars.schema import BAR_SCHEMA
from features.quality import Thresholds, check_quality
from features.quality.coverage import (
    coverage,
    find_cut,
    find_gaps,
    find_straddling,
    on_cents,
)
from features.quality.measures import bars_by_session

LIMITS = Thresholds()


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=2, sessions=200, interval="1d", seed=3).bars()


def covered(bars: pl.DataFrame) -> pl.DataFrame:
    return coverage(bars_by_session(bars, "1d"), summarise(bars))


def without(bars: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """The bars without some of the first symbol's."""
    return bars.filter(~pl.int_range(pl.len()).is_between(first, last))


def test_a_whole_series_has_no_gap(bars):
    assert (
        covered(bars).select("bars", "gaps", "gap_run", "outside", "cut").rows()
        == [(200, 0, 0, 0, False)] * 2
    )


@pytest.mark.parametrize(("last", "raised"), [(51, False), (52, True)])
def test_more_than_one_bar_in_a_hundred_is_a_gap(bars, last, raised):
    table = covered(without(bars, 50, last))

    assert table["gaps"].to_list() == [last - 49, 0]
    assert find_gaps(table, LIMITS)["symbol"].to_list() == (["SIMB01"] if raised else [])


def test_a_month_in_a_row_is_a_gap_in_any_series():
    long = SimulatedMarket(symbols=1, sessions=2600, interval="1d").bars()

    month = covered(without(long, 1000, 1020))
    weeks = covered(without(long, 1000, 1010))

    assert find_gaps(month, LIMITS)["reason"].to_list() == [
        "21 bars are missing, at most 21 sessions in a row"
    ]
    assert find_gaps(weeks, LIMITS).height == 0


def test_a_series_that_ends_early_is_named_at_its_last_bar(bars):
    table = covered(without(bars, 150, 199))

    assert table["cut"].to_list() == [True, False]
    assert find_cut(table).select("symbol", "ts").rows() == [("SIMB01", bars["ts"][149])]


def test_bars_on_holidays_are_outside_and_no_gap(bars):
    extra = bars[:1].with_columns(ts=pl.lit(datetime(2016, 1, 9, tzinfo=UTC)))  # a Saturday
    both = pl.concat([bars, extra.cast(BAR_SCHEMA)]).sort("symbol", "ts")

    assert covered(both).select("gaps", "outside").rows() == [(0, 1), (0, 0)]


@pytest.mark.parametrize(
    ("close", "share"),
    [([10.01, 10.02, 250.5], 1.0), ([10.013, 10.021, 250.507], 0.0), ([10.01, 10.021], 0.5)],
)
def test_whole_cents_are_counted(close, share):
    rows = pl.DataFrame({"symbol": ["A"] * len(close), "close": close})

    assert on_cents(rows)["cents"].to_list() == [share]


def test_whole_cents_survive_float32():
    close = pl.Series([1234.56, 873.21, 17.99]).cast(pl.Float32).cast(pl.Float64)

    assert on_cents(pl.DataFrame({"symbol": ["A"] * 3, "close": close}))["cents"][0] == 1.0


def hours(first: str, count: int) -> pl.DataFrame:
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    rows = [("A", start + timedelta(hours=i), 10.0, 11.0, 9.0, 10.0, 1.0) for i in range(count)]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("first", "count", "mixed"),
    [
        ("2024-05-01T13:00", 7, 1),  # 09:00 New York in summer
        ("2024-01-03T14:00", 7, 1),  # and in winter
        ("2024-05-01T13:30", 7, 0),
        ("2024-05-01T11:00", 2, 0),  # before the open altogether
    ],
)
def test_bars_across_the_open_are_counted(first, count, mixed):
    found = find_straddling(hours(first, count), "1h", 60)

    assert found.height == mixed
    assert found["reason"].str.starts_with(f"{mixed} bars of 1h start before").all()


def test_a_halt_of_two_weeks_is_no_alarm_by_itself():
    long = SimulatedMarket(symbols=1, sessions=2520, interval="1d", seed=7).bars()
    after = pl.int_range(pl.len()) > 2010
    halted = without(
        long.with_columns(
            pl.when(after).then(pl.col(name) * 0.002).otherwise(name)
            for name in ("open", "high", "low", "close")
        ),
        2000,
        2010,
    )

    report = check_quality(halted, origin="x")

    assert report.alarms.filter(pl.col("level") != "NOTE")["check"].to_list() == []
    assert report.symbols["gap_run"].to_list() == [11]
