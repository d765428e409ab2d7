"""Bars that say nothing: a close that stands still without volume, and bars without volume."""

import polars as pl

from features.quality.alarms import Level, raised
from features.quality.thresholds import Thresholds

_BAR = ("open", "high", "low", "close", "volume")


def mark_stale(bars: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Add `stale` (bool): part of a run that repeats a bar, or its close without volume.

    Args:
        bars: `BAR_SCHEMA`, sorted by (symbol, ts).
        limits: How long a run must be; the bar that is repeated does not count.
    """
    same_close = pl.col("close") == pl.col("close").shift()
    same_bar = pl.all_horizontal(pl.col(column) == pl.col(column).shift() for column in _BAR)
    repeats = ((same_close & (pl.col("volume") == 0)) | same_bar).fill_null(False)
    marked = bars.with_columns(repeats=repeats.over("symbol"))
    if not marked["repeats"].any():
        return marked.select(pl.exclude("repeats"), stale=pl.lit(False))
    marked = marked.with_columns(run=(~pl.col("repeats")).cum_sum())
    long = pl.col("repeats").sum().over("run") >= limits.stale_run
    return marked.select(pl.exclude("repeats", "run"), stale=pl.col("repeats") & long)


def find_stale(marked: pl.DataFrame) -> pl.DataFrame:
    """One alarm for each stale bar, which a repair sets aside; `marked` is from `mark_stale`."""
    reason = pl.format(
        "repeats the close {} with a volume of {}", pl.col("close").round(4), "volume"
    )
    found = marked.filter("stale")
    return raised(found, "stale", Level.SUSPECT, reason, wrong=True)


def find_zero_volume(bars: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """One alarm a symbol with too many bars without volume."""
    counted = bars.group_by("symbol").agg(
        ts=pl.col("ts").filter(pl.col("volume") == 0).min(),
        zero=(pl.col("volume") == 0).sum(),
        bars=pl.len(),
    )
    found = counted.filter(pl.col("zero") > limits.zero_volume * pl.col("bars"))
    reason = pl.format("{} of {} bars have no volume", "zero", "bars")
    return raised(found, "zero volume", Level.SUSPECT, reason)
