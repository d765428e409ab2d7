"""Splits that a source told of, and series without a bar in any session."""

from datetime import UTC, datetime

import polars as pl
import pytest

from features import SimulatedMarket
from features.lake.actions import SPLIT, STORED_SCHEMA
from features.quality import QualityReport, check_quality

PRICES = ("open", "high", "low", "close")
BARS = SimulatedMarket(symbols=3, sessions=120, interval="1d", seed=1).bars()
SYMBOL = sorted(BARS["symbol"].unique())[1]


def split_at(row: int, ratio: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars that are not adjusted for a split at the bar `row` of a symbol, and the split."""
    day = BARS.filter(pl.col("symbol") == SYMBOL)["ts"][row]
    before = (pl.col("symbol") == SYMBOL) & (pl.col("ts") < day)
    raw = [pl.when(before).then(pl.col(p) * ratio).otherwise(p).alias(p) for p in PRICES]
    shares = pl.when(before).then(pl.col("volume") / ratio).otherwise("volume").alias("volume")
    told = (SYMBOL, day.date(), SPLIT, ratio, None, None, datetime(2026, 1, 2, tzinfo=UTC), "yahoo")
    return BARS.with_columns(*raw, shares), pl.DataFrame([told], schema=STORED_SCHEMA, orient="row")


def serious(report: QualityReport) -> list[tuple[str, str, str]]:
    found = report.alarms.filter(pl.col("level") != "NOTE")
    return list(found.select("check", "level", "reason").iter_rows())


@pytest.mark.parametrize(
    ("row", "ratio", "name"),
    [(80, 4.0, "4:1"), (80, 1.5, "1.5:1"), (80, 0.1, "1:10"), (3, 10.0, "10:1")],
)
def test_a_split_that_the_prices_jump_by_is_named_with_its_ratio(row, ratio, name):
    bars, splits = split_at(row, ratio)

    ((check, level, reason),) = serious(check_quality(bars, origin="x", actions=splits))

    assert (check, level) == ("split", "BAD")
    assert reason.endswith(f"not adjusted for the {name} split that yahoo tells of")


def test_a_series_that_is_adjusted_for_its_splits_is_well():
    _, splits = split_at(80, 4.0)

    assert serious(check_quality(BARS, origin="x", actions=splits)) == []


def test_a_jump_by_another_factor_is_judged_as_without_the_split():
    bars, _ = split_at(80, 2.0)
    _, splits = split_at(80, 10.0)

    ((check, level, reason),) = serious(check_quality(bars, origin="x", actions=splits))

    assert (check, level) == ("split", "BAD")
    assert "yahoo" not in reason


@pytest.mark.parametrize("interval", ["1d", "1h"])
def test_a_symbol_without_a_bar_in_any_session_is_bad(interval):
    """Its clock is half a day off, or its days are all on weekends; the others are right."""
    bars = SimulatedMarket(symbols=4, sessions=60, interval=interval, seed=2).bars()
    moved = pl.col("ts").dt.offset_by("12h")
    if interval == "1d":  # Saturdays and Sundays
        number = pl.int_range(pl.len()).over("symbol")
        days = number // 2 * 7 + number % 2
        moved = pl.lit(datetime(2020, 1, 4, tzinfo=UTC)) + pl.duration(days=days)
    wrong = pl.col("symbol") == bars["symbol"][0]
    bars = bars.with_columns(ts=pl.when(wrong).then(moved).otherwise("ts").cast(bars.schema["ts"]))

    report = check_quality(bars, origin="x", interval=interval)

    verdicts = report.symbols["verdict"].to_list()
    assert verdicts[0] == "BAD"
    count = bars.height // 4
    assert f"none of its {count} bars starts in a session" in report.alarms["reason"][0]


def test_a_series_of_which_no_bar_can_be_used_has_a_report():
    bad = BARS.head(3).with_columns(close=pl.lit(-1.0))

    report = check_quality(bad, origin="x", interval="1d")

    assert (report.verdict, report.broken.height, report.bars.height) == ("BAD", 3, 0)
    empty = check_quality(BARS.clear(), origin="x", interval="1d")
    assert (empty.verdict, empty.rows) == ("OK", 0)


@pytest.mark.parametrize("interval", ["3d", "1w", "2d"])
def test_bars_of_an_interval_that_nothing_uses_are_a_fault_and_no_crash(interval):
    """As an older version filed a Friday and a Monday."""
    report = check_quality(BARS, origin="x", interval=interval)

    assert report.verdict == "BAD"
    assert f"bars of {interval}: nothing can use them" in report.faults[0]
