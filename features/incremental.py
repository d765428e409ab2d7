"""Features of a new bar from a bounded window of bars: `FeatureWindow`."""

from dataclasses import dataclass
from functools import cache
from math import ceil

import numpy as np
import polars as pl

from cluster.errors import DataError
from features.catalog import feature_columns, feature_names
from features.columns.column import Column
from features.compute import KEY, Sectors, across_symbols, checked_bars, refuse_absurd
from features.stages import stages

RECURSIVE_MARGIN = 4 / 3  # windows of recursive smoothing: (13/14)^466 (1 + 466/14) = 3e-14
_AGED = ("series", "age")
_TIERS = (25, 70, 120)  # bars; columns that remember little are computed over few bars


@dataclass(frozen=True)
class _Tier:
    """Columns that are computed over the same number of bars."""

    columns: tuple[str, ...]
    bars: int


class FeatureWindow:
    """The last bars of every symbol, and the features of the next ones.

    Features are those of `compute_features` over all bars, to 1e-9 of the value or of the column's
    scale: the same formulas over the bars that each column remembers.
    """

    def __init__(self, history: pl.DataFrame, feature_set: str = "v6", sectors: Sectors = None):
        """Keep the end of a history.

        Args:
            history: As `compute_features` takes it, with a column `sector` where the set needs one
                and `sectors` is None.
            feature_set: Name of the set.
            sectors: Sector of each symbol.

        Raises:
            ConfigError: There is no such set.
            DataError: What `compute_features` refuses.
        """
        self.feature_set = feature_set
        self.sectors = sectors
        self._bars = self._kept(self._checked(history))

    @property
    def bars(self) -> pl.DataFrame:
        """The bars that are kept, at most `window_bars` a symbol, sorted by (symbol, ts)."""
        return self._bars

    def append(self, bars: pl.DataFrame) -> pl.DataFrame:
        """Add bars, all later than those of their symbols, and compute their features.

        Returns:
            What `compute_features` has for these bars, sorted by (symbol, ts).

        Raises:
            DataError: What `compute_features` refuses; a bar that is not later than the last one.
        """
        new = self._checked(bars)
        self._refuse_earlier(new)
        found = [
            self._append_at_one_time(moment)
            for moment in new.sort("ts").partition_by("ts", maintain_order=True)
        ]
        return pl.concat(found).sort(KEY) if len(found) > 1 else found[0]

    def _append_at_one_time(self, new: pl.DataFrame) -> pl.DataFrame:
        both = pl.concat([self._bars, new]).sort("symbol", maintain_order=True)
        self._bars = self._kept(both)
        now = new["ts"][0]
        aged = _aged(self._bars)
        if new.height < aged["series"][-1] + 1:
            aged = aged.filter((pl.col("ts").last() == now).over("series"))
        found = [_of_tier(aged, tier, self.feature_set) for tier in _tiers(self.feature_set)]
        if "sector" in self._bars.columns:
            found.append(self._across(now))
        features = pl.concat([new.sort("symbol").select(KEY), *found], how="horizontal")
        features = features.select(*KEY, *feature_names(self.feature_set))
        refuse_absurd(features)
        return features

    def _across(self, now: object) -> pl.DataFrame:
        memory = max(c.warmup for c in feature_columns(self.feature_set, "panel"))
        clock = self._bars["ts"].unique().sort().tail(memory + 1)
        recent = self._bars.filter(pl.col("ts") >= clock[0])
        found = across_symbols(recent.drop("sector"), recent["sector"], self.feature_set)
        return found.filter(recent["ts"] == now)

    def _checked(self, bars: pl.DataFrame) -> pl.DataFrame:
        checked, sector = checked_bars(bars, self.feature_set, self.sectors)
        return checked if sector is None else checked.with_columns(sector.alias("sector"))

    def _kept(self, bars: pl.DataFrame) -> pl.DataFrame:
        return _aged(bars).filter(pl.col("age") < window_bars(self.feature_set)).drop(_AGED)

    def _refuse_earlier(self, new: pl.DataFrame) -> None:
        last = self._bars.group_by("symbol").agg(last=pl.col("ts").last())
        late = new.join(last, on="symbol").filter(pl.col("ts") <= pl.col("last"))
        if late.height:
            symbol, ts, known = late.select(*KEY, "last").row(0)
            raise DataError(
                f"{symbol} at {ts} is not a new bar",
                f"its last bar is at {known}; {late.height} bars are not later than their last",
                "append each bar once, in order; compute_features takes a changed history",
            )


def window_bars(feature_set: str = "v6") -> int:
    """How many bars of a symbol a `FeatureWindow` keeps, with the newest."""
    return max(_bars_of(column) for column in feature_columns(feature_set))


def _bars_of(column: Column) -> int:
    memory = ceil(column.warmup * RECURSIVE_MARGIN) if column.recursive else column.warmup
    return memory + 1


@cache
def _tiers(feature_set: str) -> tuple[_Tier, ...]:
    limits = [*_TIERS, window_bars(feature_set)]
    columns: dict[int, list[Column]] = {}
    for column in feature_columns(feature_set, "symbol"):
        limit = next(limit for limit in limits if _bars_of(column) <= limit)
        columns.setdefault(limit, []).append(column)
    return tuple(
        _Tier(tuple(c.name for c in members), max(map(_bars_of, members)))
        for _, members in sorted(columns.items())
    )


def _of_tier(aged: pl.DataFrame, tier: _Tier, feature_set: str) -> pl.DataFrame:
    """The tier's columns at the last bar of each symbol."""
    frame = aged.filter(pl.col("age") < tier.bars)
    for stage in _stages_by_series(feature_set, tier.columns):
        frame = frame.with_columns(stage)
    last = frame.filter(pl.col("age") == 0)
    return last.select(pl.col(tier.columns).cast(pl.Float64).fill_null(0.0))


@cache
def _stages_by_series(feature_set: str, columns: tuple[str, ...]) -> tuple[list[pl.Expr], ...]:
    """The formulas, each looking back within its symbol only."""
    return tuple(
        [formula if _within_a_bar(formula) else formula.over("series") for formula in stage]
        for stage in stages(feature_set, "symbol", columns)
    )


def _within_a_bar(formula: pl.Expr) -> bool:
    """Whether no part of a formula looks at another bar; Polars answers for the outermost only."""
    return formula.meta.is_row_separable() and all(map(_within_a_bar, formula.meta.pop()))


def _aged(bars: pl.DataFrame) -> pl.DataFrame:
    """Bars, sorted by symbol, with its number `series` and how many bars it has after each."""
    series = bars["symbol"].rle_id()
    ends = np.cumsum(np.bincount(series.to_numpy()))
    age = ends[series.to_numpy()] - 1 - np.arange(bars.height)
    return bars.with_columns(series=series, age=pl.Series(age, dtype=pl.Int64))
