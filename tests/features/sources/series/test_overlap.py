"""What tells two sources' bars apart."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.bars.schema import BAR_SCHEMA
from features.sources.series.overlap import compare

PRICES = ("open", "high", "low", "close")
HOUR = timedelta(hours=1)


def bars(count: int = 20, step: timedelta = HOUR, minute: int = 0) -> pl.DataFrame:
    start = datetime(2024, 1, 8, 14, minute, tzinfo=UTC)
    rows = [
        ("AAA", start + n * step, 100.0 + n, 102.0 + n, 99.0 + n, 101.0 + n, 1000.0 + n)
        for n in range(count)
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


def test_the_same_bars_are_equal():
    comparison = compare(bars(), bars(), "1h")

    assert comparison.equal
    assert (comparison.bars, comparison.worst) == (20, 0.0)


@pytest.mark.parametrize("factor", [2.0, 0.5, 1 / 3, 10.0])
def test_a_split_that_one_of_them_is_not_adjusted_for(factor):
    theirs = bars().with_columns(pl.col(PRICES) * factor)

    reason = compare(bars(), theirs, "1h").reason

    assert reason.startswith("adjustment: close differs by up to ")
    assert reason.endswith("that of a split")


def test_dividends_that_one_of_them_is_adjusted_for():
    theirs = bars().with_columns(pl.col(PRICES) * 0.96)

    reason = compare(bars(), theirs, "1h").reason

    assert reason.startswith("adjustment: close differs by up to 4.00% (limit 1%)")
    assert reason.endswith("ratio 0.96 in the median of 20 bars, the same all along")


def test_a_single_close_that_is_off_is_enough():
    theirs = bars().with_columns(
        close=pl.when(pl.int_range(pl.len()) == 7).then(pl.col("close") * 1.02).otherwise("close")
    )

    comparison = compare(bars(), theirs, "1h")

    assert comparison.worst == pytest.approx(0.02)
    assert comparison.reason.startswith(
        "close differs by up to 2.00% (limit 1%) at 2024-01-08 21:00 UTC"
    )


@settings(max_examples=30, deadline=None)
@given(off=st.floats(-0.05, 0.05).filter(lambda x: abs(abs(x) - 0.01) > 1e-6))
def test_one_percent_is_the_limit(off):
    theirs = bars().with_columns(pl.col(PRICES) * (1 + off))

    assert compare(bars(), theirs, "1h").equal == (abs(off) < 0.01)


@pytest.mark.parametrize(("factor", "equal"), [(0.01, False), (100.0, False), (1.3, True)])
def test_the_unit_of_volume(factor, equal):
    theirs = bars().with_columns(pl.col("volume") * factor)

    comparison = compare(bars(), theirs, "1h")

    assert comparison.equal == equal
    if not equal:
        assert comparison.reason == (
            f"volume unit: theirs is {factor:.4g} times ours in the median of 20 bars"
        )


def test_another_interval():
    reason = compare(bars(), bars(40, timedelta(minutes=30), minute=15), "1h").reason

    assert reason.startswith("interval: theirs is 30m, ours 1h")


def test_another_session_grid():
    reason = compare(bars(), bars(minute=30), "1h").reason

    assert reason.startswith("session: their bars start at :30, ours at :00")


@pytest.mark.parametrize("hours", [-5, -1, 1, 4])
def test_another_time_zone(hours):
    theirs = bars().with_columns(pl.col("ts") + timedelta(hours=hours))

    reason = compare(bars(), theirs, "1h").reason

    assert reason.startswith(f"time zone: their times are {hours:+d} h off")


def test_quiet_prices_do_not_hide_a_wrong_clock():
    quiet = bars().with_columns(pl.col(PRICES) / 1000 + 100)  # 0.001 % a bar
    theirs = quiet.with_columns(pl.col("ts") + HOUR)

    assert compare(quiet, quiet, "1h").equal
    assert compare(quiet, theirs, "1h").reason == "time zone: their times are +1 h off"


def test_daily_bars_dated_a_day_late():
    daily = bars(step=timedelta(days=1))
    theirs = daily.with_columns(pl.col("ts") + timedelta(days=1))

    assert compare(daily, theirs, "1d").reason == "time zone: their times are +24 h off"


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_bars_prove_nothing(count):
    comparison = compare(bars(), bars().head(count), "1h")

    assert not comparison.equal
    assert comparison.reason.endswith(f"{count} of 20 bars are in common, 5 are needed")
