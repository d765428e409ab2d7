"""The series of one interval in the lake, as a fetch sees them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.bars.checks import CheckedBars
from features.bars.schema import BAR_SCHEMA
from features.lake.blocks import ORIGIN_SCHEMA
from features.lake.lake import Lake
from features.sources.answered import Window, add_answered, read_answered
from features.sources.protocol import INTERVALS, Fetched

_SCAN_SCHEMA = {**BAR_SCHEMA, **ORIGIN_SCHEMA, "series": pl.String()}


@dataclass(frozen=True)
class SeriesStore:
    """Reads and writes the vendors' series of one interval.

    Args:
        lake: Where they are.
        interval: Of the bars.
    """

    lake: Lake
    interval: str

    def series_of(self, symbols: Iterable[str], names: Iterable[str]) -> dict[str, str]:
        """Of each symbol that has any, the series with most bars; on a tie by `names`."""
        order = list(names)
        counts = self._bars(symbols).group_by("symbol", "series").len().collect()
        counts = counts.filter(pl.col("series").is_in(order)).with_columns(
            rank=pl.col("series").replace_strict({name: n for n, name in enumerate(order)})
        )
        best = counts.sort("len", "rank", descending=[True, False]).unique("symbol", keep="first")
        return dict(best.select("symbol", "series").iter_rows())

    def answered(self, series: str, symbols: Iterable[str]) -> dict[str, Window]:
        """The window of each symbol that its series has bars of, or its source has answered."""
        windows = read_answered(self.lake.folder(self.interval, series))
        spans = (
            self._bars(symbols, series)
            .group_by("symbol")
            .agg(first=pl.col("ts").min(), last=pl.col("ts").max())
            .collect()
        )
        answered = {}
        for symbol, first, last in spans.iter_rows():
            start, end = windows.get(symbol, (first, last))
            answered[symbol] = (min(start, first), max(end, last + INTERVALS[self.interval]))
        return answered

    def edge(self, series: str, symbols: Iterable[str], window: Window, bars: int) -> pl.DataFrame:
        """Of each symbol the `bars` bars next to a window that lies before or after them."""
        stored = self._bars(symbols, series).collect()
        before = stored.filter(pl.col("ts") < window[0]).group_by("symbol").tail(bars)
        after = stored.filter(pl.col("ts") >= window[1]).group_by("symbol").head(bars)
        return pl.concat([before, after]).sort("symbol", "ts")

    def put(
        self,
        bars: CheckedBars,
        *,
        series: str,
        source: str,
        fetched: Fetched,
        windows: Mapping[str, Window],
        replace: bool = False,
    ) -> None:
        """Write bars of `source` into `series`, and that these windows were answered."""
        if bars.frame.height:
            self.lake.write(
                bars,
                interval=self.interval,
                source=source,
                adjustment=fetched.adjustment,
                retrieved=fetched.retrieved,
                series=series,
                replace=replace,
            )
        add_answered(self.lake.folder(self.interval, series), windows)

    def spans(self, symbols: Iterable[str]) -> dict[tuple[str, str], tuple[datetime, datetime]]:
        """First and last bar time by (symbol, series)."""
        ts = pl.col("ts")
        spans = self._bars(symbols).group_by("symbol", "series").agg(ts.min(), last=ts.max())
        return {(row[0], row[1]): (row[2], row[3]) for row in spans.collect().iter_rows()}

    def _bars(self, symbols: Iterable[str], series: str | None = None) -> pl.LazyFrame:
        """The bars of `scan`; none when the lake holds nothing of the kind."""
        if not self.lake.blocks(self.interval, series):
            return pl.LazyFrame(schema=_SCAN_SCHEMA)
        return self.lake.scan(self.interval, source=series, symbols=symbols)
