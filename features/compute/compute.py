"""Feature columns of all symbols: `compute_features`."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import overload

import numpy as np
import polars as pl

from cluster.errors import DataError
from features.bars.checks import Bars, CheckedBars
from features.compute.catalog import FeatureSet
from features.compute.formula_order import stages
from features.compute.panel import Panel
from features.universe.sector_of import sectors_of_bars

PRICE_FIELDS = ("open", "high", "low", "close")
BAR_FIELDS = (*PRICE_FIELDS, "volume")
KEY = ("symbol", "ts")
BLOCK = 1 << 17  # bars of some symbols that are computed at once

Sectors = Mapping[str, str] | None


@overload
def compute_features(
    bars: Bars, feature_set: str | FeatureSet = "v6", sectors: Sectors = None
) -> pl.DataFrame: ...


@overload
def compute_features(
    bars: pl.LazyFrame, feature_set: str | FeatureSet = "v6", sectors: Sectors = None
) -> pl.LazyFrame: ...


def compute_features(
    bars: Bars | pl.LazyFrame, feature_set: str | FeatureSet = "v6", sectors: Sectors = None
) -> pl.DataFrame | pl.LazyFrame:
    """Compute the columns of the set for every bar, from that bar and the ones before it.

    Args:
        bars: Checked bars, or a frame with the columns symbol, ts, open, high, low, close (USD),
            volume, of which is refused what no formula can take; it is sorted where it is not.
        feature_set: The set, or its name.
        sectors: Sector of each symbol, for a set that compares symbols. When None, the column
            `sector` of the bars; simulated symbols tell theirs by name.

    Returns:
        A frame, lazy if the bars are, sorted by (symbol, ts): both keys and the columns of
        `feature_names`, float64, raw (the RSI is 0..100), flags 0.0 and 1.0. Where a value does
        not exist yet (the 5-bar return of bar 2) it is 0.0; the first `warmup_bars` rows of a
        symbol are no measurements. A lazy frame is computed as a whole when collected.

    Raises:
        ConfigError: There is no such set.
        DataError: A missing column; two bars of a symbol at one time; a price or volume that is
            missing, not finite or out of range; a symbol without a sector that needs one: named by
            symbol, time and column.
    """
    chosen = FeatureSet.of(feature_set)
    if not isinstance(bars, pl.LazyFrame):
        return features_of(usable_bars(bars), chosen, sectors)
    schema = bars.collect_schema()
    _require_columns(schema.names())
    return bars.map_batches(
        lambda frame: features_of(usable_bars(frame), chosen, sectors),
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        schema=pl.Schema(
            {name: schema[name] for name in KEY} | dict.fromkeys(chosen.names, pl.Float64())
        ),
    )


def features_of(
    bars: pl.DataFrame, feature_set: FeatureSet, sectors: Sectors = None
) -> pl.DataFrame:
    """`compute_features` of bars that were checked, by `check_bars` or by `usable_bars`.

    Args:
        bars: Sorted by (symbol, ts), prices and volume as f64.
        feature_set: The set.
        sectors: Sector of each symbol.

    Raises:
        DataError: A symbol without a sector that needs one; features that are not finite.
    """
    sector = sectors_needed(bars, feature_set, sectors)
    bars = bars.select(*KEY, *BAR_FIELDS)
    features = _by_symbol(bars, feature_set)
    if sector is None:
        return features
    across = across_symbols(bars, sector, feature_set)
    return features.hstack(across).select(*KEY, *feature_set.names)


def usable_bars(bars: Bars) -> pl.DataFrame:
    """Bars as the formulas take them: sorted by (symbol, ts), prices and volume as f64.

    Of a plain frame only that is refused which has no features; `check_bars` refuses more.

    Raises:
        DataError: see `compute_features`.
    """
    if isinstance(bars, CheckedBars):
        return bars.frame
    _require_columns(bars.columns)
    sector = pl.selectors.by_name("sector", require_all=False)
    bars = _in_order(bars.select(*KEY, pl.col(BAR_FIELDS).cast(pl.Float64), sector))
    _refuse_bad_values(bars)
    return bars


def sectors_needed(
    bars: pl.DataFrame, feature_set: FeatureSet, sectors: Sectors
) -> pl.Series | None:
    """The sector of each bar, for a set that compares symbols; None for another.

    Raises:
        DataError: a bar has none, by symbol.
    """
    return sectors_of_bars(bars, sectors) if feature_set.compares_symbols else None


def _by_symbol(bars: pl.DataFrame, feature_set: FeatureSet) -> pl.DataFrame:
    """Compute blocks of symbols side by side, of a size that stays in the processor's cache."""
    blocks = _blocks(bars.with_columns(bar_numbers(bars)))
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        return pl.concat(pool.map(lambda block: _of_block(block, feature_set), blocks))


def _of_block(bars: pl.DataFrame, feature_set: FeatureSet) -> pl.DataFrame:
    names = tuple(column.name for column in feature_set.of_scope("symbol"))
    features = bars.select(KEY).hstack(staged(bars, stages(feature_set), names))
    refuse_absurd(features)
    return features


def staged(
    bars: pl.DataFrame, formulas: Iterable[list[pl.Expr]], names: Sequence[str]
) -> pl.DataFrame:
    """The named columns, f64, after all stages of formulas."""
    for stage in formulas:
        bars = bars.with_columns(stage)
    return bars.select(pl.col(names).cast(pl.Float64).fill_null(0.0))


def bar_numbers(bars: pl.DataFrame) -> pl.Series:
    """How many bars the symbol has before each of `bars`, sorted by symbol: `bar_number`, i32."""
    lengths = bars["symbol"].rle().struct.field("len").to_numpy()
    firsts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pl.Series("bar_number", (np.arange(bars.height) - firsts).astype(np.int32))


def _blocks(bars: pl.DataFrame) -> list[pl.DataFrame]:
    """Runs of whole symbols, of some BLOCK bars; one without rows when there are no bars."""
    firsts = np.flatnonzero(bars["bar_number"].to_numpy() == 0)
    _, first_of_block = np.unique(firsts // BLOCK, return_index=True)
    cuts = [*firsts[first_of_block].tolist(), bars.height]
    return [bars.slice(start, end - start) for start, end in pairwise(cuts)] or [bars]


def across_symbols(bars: pl.DataFrame, sector: pl.Series, feature_set: FeatureSet) -> pl.DataFrame:
    """The columns of the set that compare symbols, in the order of the bars."""
    names = [column.name for column in feature_set.of_scope("panel")]
    across = Panel.of(bars, sector).columns(stages(feature_set, "panel"), names)
    refuse_absurd(bars.select(KEY).hstack(across))
    return across


def refuse_absurd(features: pl.DataFrame) -> None:
    """Refuse features, keyed (symbol, ts), that are not finite."""
    if np.isfinite(features.select(pl.exclude(KEY).sum()).row(0)).all():
        return  # the sum of a column that is not finite is not finite
    why = "the bars up to it span too many orders of magnitude"
    _refuse_rows(features, features.select(pl.exclude(KEY).is_finite()), why)


def _require_columns(given: list[str]) -> None:
    missing = [name for name in (*KEY, *BAR_FIELDS) if name not in given]
    if missing:
        raise DataError(
            f"these bars have no {', '.join(missing)}",
            f"their columns are {', '.join(given) or 'none'}",
            "bring them to the schema with features.check_bars",
        )


def _in_order(bars: pl.DataFrame) -> pl.DataFrame:
    """Sort by (symbol, ts) what is not sorted, and refuse two bars at one time."""
    same_symbol = pl.col("symbol") == pl.col("symbol").shift(1)
    later = pl.col("ts") > pl.col("ts").shift(1)
    ordered = (pl.col("symbol") > pl.col("symbol").shift(1)) | (same_symbol & later)
    if bars.select(ordered.all()).item():
        return bars
    bars = bars.sort(KEY)
    twice = bars.filter(same_symbol & ~later)
    if twice.height:
        symbol, ts = twice.row(0)[:2]
        raise DataError(
            f"{symbol} has two bars at {ts}",
            f"{twice.height} times occur twice",
            "keep one bar a symbol and time",
        )
    return bars


def _refuse_bad_values(bars: pl.DataFrame) -> None:
    """Refuse what has no features, and would otherwise pass for a first bar without history."""
    lowest_allowed = [pl.col(PRICE_FIELDS) > 0.0, pl.col("volume") >= 0.0]
    good = pl.col(BAR_FIELDS).is_finite().fill_null(value=False)
    _refuse_rows(bars, bars.select(good), "a bar needs finite prices and volume")
    _refuse_rows(bars, bars.select(lowest_allowed), "prices are positive, volume is not negative")


def _refuse_rows(frame: pl.DataFrame, good: pl.DataFrame, why: str) -> None:
    """Raise for the first column of `good` with a false row, naming symbol, time and value."""
    for name, all_good in zip(good.columns, good.select(pl.all().all()).row(0), strict=True):
        if not all_good:
            row = int((~good[name]).arg_true()[0])
            symbol, ts, value = frame.select(*KEY, name).row(row)
            raise DataError(
                f"{name} of {symbol} at {ts} is {value}",
                why,
                "ploutos data check FILE lists every bad bar",
            )
