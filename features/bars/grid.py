"""From rows of bars, sorted by (symbol, ts), to matrices of T bars by A symbols on one clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

Matrix = NDArray[np.float64]  # (T, A)


@dataclass(frozen=True, eq=False)
class Grid:
    """Where each of N bars goes; the clock has every time at which any symbol has a bar."""

    clock: NDArray[np.datetime64]  # (T,) datetime64[us], UTC
    bar: NDArray[np.int64]  # (N,) row
    asset: NDArray[np.int64]  # (N,) column
    number: NDArray[np.int64]  # (N,) how many bars the symbol has before this one
    assets: int

    @classmethod
    def of(
        cls,
        bars: pl.DataFrame,
        symbols: Sequence[str],
        clock: NDArray[np.datetime64] | None = None,
    ) -> "Grid":
        """The grid of `bars`, sorted by (symbol, ts), with one column for each of `symbols`.

        A wider `clock` (T,) than that of these bars may be given, ascending.
        """
        ts = naive_utc(bars["ts"])
        clock = np.unique(ts) if clock is None else clock
        column = {symbol: a for a, symbol in enumerate(symbols)}
        asset = bars["symbol"].replace_strict(column, return_dtype=pl.Int64).to_numpy()
        number = bars.select(pl.int_range(pl.len()).over("symbol")).to_series().to_numpy()
        return cls(clock, np.searchsorted(clock, ts), asset, number, len(symbols))

    @property
    def shape(self) -> tuple[int, int]:
        """(T, A)."""
        return len(self.clock), self.assets

    def bars_of_assets(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the `chosen` (N,) bars each symbol has, (A,) i64."""
        return np.bincount(self.asset[chosen], minlength=self.assets)

    def flags(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Flags (T, A) from those of the bars (N,), False where there is no bar."""
        matrix = np.zeros(self.shape, dtype=bool)
        matrix[self.bar, self.asset] = values
        return matrix

    def matrix(self, values: pl.Series | NDArray[np.float64]) -> Matrix:
        """Values (T, A) from those of the bars (N,), 0 where there is no bar."""
        matrix = np.zeros(self.shape)
        matrix[self.bar, self.asset] = np.asarray(values)
        return matrix

    def carried(self, values: pl.Series) -> Matrix:
        """Values (T, A), each symbol's last one where it has no bar; 0 before its first bar."""
        matrix = np.take_along_axis(self.matrix(values), np.maximum(self._last_bar, 0), axis=0)
        return np.where(self._last_bar >= 0, matrix, 0.0)

    @cached_property
    def has_bar(self) -> NDArray[np.bool_]:
        """(T, A) whether the symbol has a bar at that time."""
        return self.flags(np.ones(len(self.bar), dtype=bool))

    @cached_property
    def _last_bar(self) -> NDArray[np.int64]:
        """(T, A) row of the symbol's last bar, -1 before its first."""
        rows = np.where(self.has_bar, np.arange(len(self.clock))[:, None], -1)
        last: NDArray[np.int64] = np.maximum.accumulate(rows, axis=0)
        return last


def naive_utc(ts: pl.Series) -> NDArray[np.datetime64]:
    """Times as (N,) datetime64[us], UTC."""
    times: NDArray[np.datetime64] = ts.dt.replace_time_zone(None).to_numpy()
    return times
