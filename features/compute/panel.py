"""All symbols on one clock as one frame: what columns across symbols are computed on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Panel:
    """A rectangle of S symbols by T times, symbol after symbol.

    The clock is every time at which any of the bars starts. `close` and `sector` are null where a
    symbol has no bar.

    Attributes:
        frame: `symbol` and `clock` as numbers from 0, `sector` as a number, `close` (USD).
        rows: (N,) row of each bar; None where the bars fill the rectangle.
    """

    frame: pl.DataFrame
    rows: NDArray[np.int64] | None

    @classmethod
    def of(cls, bars: pl.DataFrame, sectors: pl.Series) -> "Panel":
        """The panel of bars sorted by (symbol, ts), with the sector of each."""
        symbol = bars["symbol"].rle_id().cast(pl.Int64).to_numpy()
        clock = bars["ts"].unique().sort()
        symbols, times = int(symbol[-1]) + 1 if len(symbol) else 0, len(clock)
        code = sectors.cast(pl.Categorical).to_physical().cast(pl.UInt32)
        corner = pl.DataFrame(
            {
                "symbol": np.repeat(np.arange(symbols, dtype=np.uint32), times),
                "clock": np.tile(np.arange(times, dtype=np.uint32), symbols),
                "bar_number": np.tile(np.arange(times, dtype=np.int32), symbols),
            }
        )
        values = bars.select(sector=code, close="close")
        if bars.height == corner.height:
            return cls(corner.hstack(values), None)
        ticks = np.searchsorted(clock.to_physical().to_numpy(), bars["ts"].to_physical().to_numpy())
        rows = symbol * times + ticks
        source = np.full(corner.height, -1, dtype=np.int64)
        source[rows] = np.arange(bars.height)
        bar = pl.Series(source).set(pl.Series(source < 0), None)
        return cls(corner.hstack(values.select(pl.all().gather(bar))), rows)

    def columns(self, stages: Sequence[list[pl.Expr]], names: Sequence[str]) -> pl.DataFrame:
        """Values of the named columns at each bar, f64, in the order of the bars."""
        frame = self.frame
        for stage in stages:
            frame = frame.with_columns(stage)
        values = frame.select(pl.col(names).cast(pl.Float64).fill_null(0.0))
        return values if self.rows is None else values[self.rows]
