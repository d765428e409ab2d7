"""Features of a new bar from a bounded window of bars: `FeatureWindow`."""

from dataclasses import dataclass
from functools import cache
from math import ceil

import polars as pl

from cluster.errors import DataError
from features.bars.checks import Bars
from features.compute.catalog import FeatureSet
from features.compute.compute import (
    BAR_FIELDS,
    KEY,
    Sectors,
    across_symbols,
    refuse_absurd,
    sectors_needed,
    staged,
    usable_bars,
)
from features.compute.formula_order import stages
from features.compute.recent import RecentBars
from features.formulas.column import Column

RECURSIVE_MARGIN = 4 / 3  # windows of recursive smoothing: (13/14)^466 (1 + 466/14) = 3e-14
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

    def __init__(
        self, history: Bars, feature_set: str | FeatureSet = "v6", sectors: Sectors = None
    ):
        """Keep the end of a history.

        Args:
            history: As `compute_features` takes it, with a column `sector` where the set needs one
                and `sectors` is None.
            feature_set: The set, or its name.
            sectors: Sector of each symbol.

        Raises:
            ConfigError: There is no such set.
            DataError: What `compute_features` refuses.
        """
        self.feature_set = FeatureSet.of(feature_set)
        self.sectors = sectors
        self._recent = RecentBars(self._rows(history), window_bars(self.feature_set))

    @property
    def bars(self) -> pl.DataFrame:
        """The bars that are kept, at most `window_bars` a symbol, sorted by (symbol, ts)."""
        return self._recent.frame(self._recent.length).drop("bar_number")

    def append(self, bars: Bars) -> pl.DataFrame:
        """Add bars, all later than those of their symbols, and compute their features.

        Returns:
            What `compute_features` has for these bars, sorted by (symbol, ts).

        Raises:
            DataError: What `compute_features` refuses; a bar that is not later than the last one.
        """
        new = self._rows(bars)
        self._refuse_earlier(new)
        features = [
            self._append_at_one_time(moment)
            for moment in new.sort("ts").partition_by("ts", maintain_order=True)
        ]
        return pl.concat(features).sort(KEY) if len(features) > 1 else features[0]

    def _append_at_one_time(self, new: pl.DataFrame) -> pl.DataFrame:
        new = new.sort("symbol")
        self._recent.append(new)
        rows = self._recent.rows(new)
        parts = [
            _at_the_last_bar(self._recent.frame(tier.bars, rows), tier, self.feature_set)
            for tier in _tiers(self.feature_set)
        ]
        if "sector" in new.columns:
            parts.append(self._across(new["ts"][0]))
        features = pl.concat([new.select(KEY), *parts], how="horizontal")
        features = features.select(*KEY, *self.feature_set.names)
        refuse_absurd(features)
        return features

    def _across(self, now: object) -> pl.DataFrame:
        memory = max(c.warmup for c in self.feature_set.of_scope("panel"))
        recent = self._recent.frame(memory + 1)
        clock = recent["ts"].unique().sort().tail(memory + 1)
        recent = recent.filter(pl.col("ts") >= clock[0])
        across = across_symbols(recent, recent["sector"], self.feature_set)
        return across.filter(recent["ts"] == now)

    def _rows(self, bars: Bars) -> pl.DataFrame:
        """The columns that are kept of each bar: its sector only where the set needs it."""
        rows = usable_bars(bars)
        sector = sectors_needed(rows, self.feature_set, self.sectors)
        rows = rows.select(*KEY, *BAR_FIELDS)
        return rows if sector is None else rows.with_columns(sector.alias("sector"))

    def _refuse_earlier(self, new: pl.DataFrame) -> None:
        late = new.join(self._recent.last(), on="symbol").filter(pl.col("ts") <= pl.col("last"))
        if late.height:
            symbol, ts, last = late.select(*KEY, "last").row(0)
            raise DataError(
                f"{symbol} at {ts} is not a new bar",
                f"its last bar is at {last}; {late.height} bars are not later than their last",
                "append each bar once, in order; compute_features takes a changed history",
            )


def window_bars(feature_set: str | FeatureSet = "v6") -> int:
    """How many bars of a symbol a `FeatureWindow` keeps, with the newest."""
    return max(_bars_of(column) for column in FeatureSet.of(feature_set).columns)


def _bars_of(column: Column) -> int:
    memory = ceil(column.warmup * RECURSIVE_MARGIN) if column.recursive else column.warmup
    return memory + 1


@cache
def _tiers(feature_set: FeatureSet) -> tuple[_Tier, ...]:
    limits = [*_TIERS, window_bars(feature_set)]
    columns: dict[int, list[Column]] = {}
    for column in feature_set.of_scope("symbol"):
        limit = next(limit for limit in limits if _bars_of(column) <= limit)
        columns.setdefault(limit, []).append(column)
    return tuple(
        _Tier(tuple(c.name for c in members), max(map(_bars_of, members)))
        for _, members in sorted(columns.items())
    )


def _at_the_last_bar(bars: pl.DataFrame, tier: _Tier, feature_set: FeatureSet) -> pl.DataFrame:
    """The tier's columns at the last bar of each symbol."""
    columns = staged(bars, stages(feature_set, "symbol", tier.columns), tier.columns)
    return columns.filter(bars["bar_number"].shift(-1, fill_value=0) == 0)
