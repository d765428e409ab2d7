"""Which symbols trade most, as of a date: the choice a demo makes when a file has too many."""

from datetime import datetime

import polars as pl


def most_traded(bars: pl.DataFrame, count: int, before: datetime) -> tuple[str, ...]:
    """The `count` symbols with the largest median daily dollar volume, sorted by name.

    Only bars before `before` count, so that a universe for a later window knows nothing of it.
    Symbols without such a bar come last; ties go to the name that sorts first.

    Args:
        bars: `BAR_SCHEMA`.
        count: How many at most.
        before: UTC.
    """
    daily = (
        bars.group_by("symbol", pl.col("ts").dt.date().alias("day"), pl.col("ts") < before)
        .agg(dollars=(pl.col("close") * pl.col("volume")).sum())
        .rename({"ts": "known"})
    )
    ranked = (
        daily.group_by("symbol")
        .agg(pl.col("dollars").filter("known").median())
        .sort("dollars", "symbol", descending=[True, False], nulls_last=True)
    )
    return tuple(sorted(ranked["symbol"].head(count)))
