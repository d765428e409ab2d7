"""Bars in another unit: prices of 10, 100 or 1000 times those around them, or a fraction."""

import numpy as np
import polars as pl

from features.quality.alarms import Level, raised
from features.quality.thresholds import UNIT_FACTORS, Thresholds

_AROUND = 10  # bars before and after
_KNOWN = 5  # bars after, from which on their level counts
_TRADED = 5.0  # times the usual volume: beyond it a crash by nine tenths is one
_SAME_LEVEL = 0.5  # log distance of the prices before from those after


def mark_units(bars: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Add `unit` (f64): the factor by which a bar is off its neighbours on both sides, else null.

    The last bars of a symbol have too few neighbours after them, and are judged by those before.

    Args:
        bars: `BAR_SCHEMA`, sorted by (symbol, ts).
        limits: How near the factor must be.
    """
    before = pl.col("close").rolling_median(_AROUND, min_samples=3).shift()
    usual = pl.col("volume").rolling_median(_AROUND, min_samples=3).shift()
    around = bars.select(
        close=pl.col("close"),
        before=before.over("symbol"),
        busy=pl.col("volume") / usual.over("symbol"),
        after=pl.col("close")
        .reverse()
        .rolling_median(_AROUND, min_samples=_KNOWN)
        .shift()
        .reverse()
        .over("symbol"),
    )
    off = (around["close"] / around["before"]).log().to_numpy()
    moved = (around["after"] / around["before"]).log().fill_null(0.0).to_numpy()
    near = np.abs(np.abs(off)[:, None] - np.log(np.array(UNIT_FACTORS, dtype=float)))
    hit = (near.min(axis=1) <= 2 * limits.unit_rounding) & (np.abs(moved) <= _SAME_LEVEL)
    hit &= (around["busy"].fill_nan(None).fill_null(0.0) <= _TRADED).to_numpy()
    factor = pl.Series("unit", np.exp(off)).set(pl.Series(~hit), None)
    return bars.with_columns(factor)


def find_units(marked: pl.DataFrame) -> pl.DataFrame:
    """One alarm for each bar that `mark_units` marked; a repair sets it aside."""
    found = marked.filter(pl.col("unit").is_not_null())
    reason = pl.format(
        "is {} times the bars before and after it: a unit error", pl.col("unit").round(3)
    )
    return raised(found, "unit", Level.BAD, reason, wrong=True)
