"""Splits that a source told of: where a series is not adjusted for one, its ratio is known."""

import polars as pl

from features.lake.actions import SPLIT, STORED_SCHEMA
from features.quality.alarms import Level, raised

_NEAR = 0.1  # log distance of the overnight ratio from the split's, at most
_SHARE = 0.5  # and at most this share of the split itself: nearer to it than to no split


def splits_of(actions: pl.DataFrame | None) -> pl.DataFrame:
    """`symbol`, `ts` (midnight UTC of the ex-date), `ratio` and `source` of the splits."""
    if actions is None:
        actions = pl.DataFrame(schema=STORED_SCHEMA)
    midnight = pl.col("ex_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    found = actions.filter(pl.col("kind") == SPLIT)
    return found.select("symbol", ts=midnight, ratio="ratio", told="source").unique(
        ["symbol", "ts"], keep="last", maintain_order=True
    )


def find_known_splits(measured: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """One alarm for each known split that the prices jump by: they are not adjusted for it.

    Args:
        measured: From `features.quality.measures.measure`.
        splits: From `splits_of`.
    """
    split = pl.col("ratio_of_split").log()
    off = (pl.col("gap") + split).abs()
    met = measured.join(
        splits.rename({"ratio": "ratio_of_split"}), on=["symbol", "ts"], maintain_order="left"
    ).filter(off <= _NEAR, off <= _SHARE * split.abs())
    reason = pl.format(
        "opens at {} times the last close: not adjusted for the {}:{} split that {} tells of",
        pl.col("gap").exp().round(3),
        _plain(pl.max_horizontal("ratio_of_split", pl.lit(1.0))),
        _plain(1 / pl.min_horizontal("ratio_of_split", pl.lit(1.0))),
        "told",
    )
    return raised(met, "split", Level.BAD, reason)


def _plain(number: pl.Expr) -> pl.Expr:
    """`10` and `1.5`."""
    return number.round(4).cast(pl.String).str.strip_suffix(".0")
