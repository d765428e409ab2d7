"""Bars that break a rule, as alarms: values, duplicates, order, and bars that are not over."""

from datetime import datetime

import polars as pl

from features.bars import split_bad
from features.quality.alarms import Level, raised
from features.schema import normalise


def broken_rules(
    bars: pl.DataFrame, *, origin: str, now: datetime | None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The good bars, the broken ones with `row` and `reason`, and disorder by symbol.

    Disorder is `symbol`, `ts` (of the first bar whose time goes back) and `count`.
    """
    good, broken = split_bad(bars, origin=origin, now=now)
    rows = normalise(bars, origin=origin).select("symbol", "ts")
    back = pl.col("ts") < pl.col("ts").shift().over("symbol")
    disorder = rows.filter(back).group_by("symbol").agg(pl.col("ts").first(), count=pl.len())
    return good, broken, disorder.drop_nulls()


def find_broken(broken: pl.DataFrame) -> pl.DataFrame:
    """One alarm a broken bar."""
    named = broken.with_columns(pl.col("symbol").fill_null(""))
    return raised(named, "rule", Level.BAD, pl.col("reason"), wrong=True)


def find_disorder(disorder: pl.DataFrame) -> pl.DataFrame:
    """One alarm a symbol whose times go back; sorting repairs it."""
    reason = pl.format("{} times go back: the bars were not sorted", "count")
    return raised(disorder, "order", Level.SUSPECT, reason)
