"""Bars without a memory: the same moves in another order, so that nothing foretells anything.

Each bar's moves - gap, body, wicks - and its volume go to another session, those of all symbols
together: what a bar looks like, how symbols move together and what each earned in all stay as they
were. A policy that is still found BETTER on such bars was found by a broken pipeline.
"""

import numpy as np
import polars as pl

from features.bars.schema import BAR_COLUMNS


def shuffled_bars(bars: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Deal the moves of the bars out anew; `BAR_SCHEMA` in and out, the same keys.

    A bar goes to the same place within another session (the first of a day to the first of
    another day), so that an opening hour stays one. A symbol keeps its first open.

    Args:
        bars: columns of `features.BAR_COLUMNS`, checked.
        seed: of the permutation.
    """
    moves = bars.sort("symbol", "ts").with_columns(
        gap=(pl.col("open") / pl.col("close").shift(1).over("symbol")).fill_null(1.0),
        body=pl.col("close") / pl.col("open"),
        up=pl.col("high") / pl.col("open"),
        down=pl.col("low") / pl.col("open"),
        first=pl.col("open").first().over("symbol"),
    )
    dealt = (
        moves.join(_places(bars, np.random.default_rng(seed)), on="ts")
        .drop("ts")
        .rename({"place": "ts"})
        .sort("symbol", "ts")
    )
    growth = (pl.col("gap") * pl.col("body")).cum_prod().over("symbol")
    return (
        dealt.with_columns(close=pl.col("first") * growth)
        .with_columns(open=pl.col("close") / pl.col("body"))
        .with_columns(high=pl.col("open") * pl.col("up"), low=pl.col("open") * pl.col("down"))
        .select(BAR_COLUMNS)
    )


def _places(bars: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Columns ts and place: where the bars of a time go, a permutation of each part of the day."""
    clock = bars.select(pl.col("ts").unique().sort())
    slot = pl.int_range(pl.len()).over(pl.col("ts").dt.date())
    parts = clock.with_columns(slot=slot).partition_by("slot", maintain_order=True)
    dealt = [
        part.select("ts", place=pl.col("ts").gather(random.permutation(part.height)))
        for part in parts
    ]
    return pl.concat(dealt)
