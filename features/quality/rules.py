"""Bars that break a rule, as alarms: values, duplicates, order, and bars that are not over."""

from datetime import datetime

import polars as pl

from features.bars.checks import list_defects, split_bad
from features.bars.schema import BAR_COLUMNS, normalise
from features.quality.alarms import Level, raised


def broken_rules(
    bars: pl.DataFrame, *, origin: str, now: datetime | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The bars that can be used, sorted, and every bar that `check_bars` would refuse.

    The second table has `row`, the bar's columns and `reason`. A bar that only stands in the wrong
    place is in both.
    """
    good, broken = split_bad(bars, origin=origin, now=now)
    times = normalise(bars, origin=origin).select("symbol", "ts")
    sorted_ = (pl.col("ts") >= pl.col("ts").shift().over("symbol")).fill_null(True)
    if broken.height or not times.select(sorted_.all()).item():
        broken = list_defects(bars, origin=origin, now=now)
    return good.frame, broken.select("row", *BAR_COLUMNS, "reason")


def find_broken(broken: pl.DataFrame) -> pl.DataFrame:
    """One alarm a broken bar."""
    named = broken.with_columns(pl.col("symbol").fill_null(""))
    return raised(named, "rule", Level.BAD, pl.col("reason"), wrong=True)
