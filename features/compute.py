"""Feature columns of all symbols: `compute_features`."""

from functools import cache
from typing import TypeVar

import polars as pl

from cluster.errors import DataError
from features.catalog import feature_columns, feature_names, feature_quantities

BAR_FIELDS = ("open", "high", "low", "close", "volume")
KEY = ("symbol", "ts")

Bars = TypeVar("Bars", pl.DataFrame, pl.LazyFrame)


def compute_features(bars: Bars, feature_set: str = "v6") -> Bars:
    """Compute the columns of the set for every bar, from that bar and the ones before it.

    Args:
        bars: Columns symbol, ts, open, high, low, close (USD), volume; others are left out.
            Sorted by (symbol, ts), or else they are sorted first.
        feature_set: Name of the set.

    Returns:
        A frame of the same kind, sorted by (symbol, ts): both keys and the columns of
        `feature_names`, float64, raw (the RSI is 0..100), flags 0.0 and 1.0. Where a value does
        not exist yet (the 5-bar return of bar 2) it is 0.0; the first `warmup_bars` rows of a
        symbol are no measurements. A lazy frame is computed as a whole when collected.

    Raises:
        ConfigError: There is no such set.
        DataError: Two bars of a symbol at one time, or bars that lead to a value that is not
            finite, named by symbol, time and column.
    """
    if isinstance(bars, pl.DataFrame):
        return _compute(bars, feature_set)
    keys = {name: kind for name, kind in bars.collect_schema().items() if name in KEY}
    return bars.map_batches(
        lambda frame: _compute(frame, feature_set),
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        schema=pl.Schema(
            {name: keys[name] for name in KEY}
            | dict.fromkeys(feature_names(feature_set), pl.Float64())
        ),
    )


def _compute(bars: pl.DataFrame, feature_set: str) -> pl.DataFrame:
    """Compute symbol by symbol: half the time of window expressions over the whole frame."""
    _require_columns(bars)
    bars = _in_order(bars.select(*KEY, pl.col(BAR_FIELDS).cast(pl.Float64)))
    runs = bars["symbol"].rle().struct.field("len").to_list()
    frames, start = [_of_one_symbol(bars.clear(), feature_set)], 0
    for length in runs:
        frames.append(_of_one_symbol(bars.slice(start, length), feature_set))
        start += length
    features = pl.concat(frames)
    _require_finite(features, feature_set)
    return features


def _of_one_symbol(bars: pl.DataFrame, feature_set: str) -> pl.DataFrame:
    for stage in _stages(feature_set):
        bars = bars.with_columns(stage)
    columns = [pl.col(feature_names(feature_set)).cast(pl.Float64).fill_null(0.0)]
    return bars.select(*KEY, *columns)


@cache
def _stages(feature_set: str) -> tuple[list[pl.Expr], ...]:
    """Order the formulas so that each refers to bars and to earlier stages only."""
    formulas = {q.name: q.formula() for q in feature_quantities(feature_set).values()}
    depths = dict.fromkeys(BAR_FIELDS, 0)

    def depth(name: str) -> int:
        if name not in depths:
            depths[name] = 1 + max(map(depth, formulas[name].meta.root_names()))
        return depths[name]

    stages: list[list[pl.Expr]] = [[] for _ in range(max(map(depth, formulas)))]
    for name, formula in formulas.items():
        stages[depth(name) - 1].append(formula.alias(name))
    return tuple(stages)


def _require_columns(bars: pl.DataFrame) -> None:
    missing = [name for name in (*KEY, *BAR_FIELDS) if name not in bars.columns]
    if missing:
        raise DataError(
            f"these bars have no {', '.join(missing)}",
            f"their columns are {', '.join(bars.columns) or 'none'}",
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


def _require_finite(features: pl.DataFrame, feature_set: str) -> None:
    finite = features.select(pl.col(feature_names(feature_set)).is_finite().all()).row(0)
    for column, is_finite in zip(feature_columns(feature_set), finite, strict=True):
        if not is_finite:
            symbol, ts, value = (
                features.filter(~pl.col(column.name).is_finite()).select(*KEY, column.name).row(0)
            )
            raise DataError(
                f"{column.name} of {symbol} at {ts} is {value}",
                "a price or volume up to that bar is missing, zero, negative or infinite",
                "check the bars with features.check_bars",
            )
