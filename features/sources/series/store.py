"""The series of one interval in the lake, as a fetch sees them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.bars.grid import naive_utc
from features.bars.intervals import INTERVALS
from features.bars.schema import BAR_COLUMNS, BAR_SCHEMA
from features.lake.blocks import ORIGIN_SCHEMA
from features.lake.lake import Lake
from features.sources.protocol import Fetched
from features.sources.series.asked import InVain, add_asked, read_asked
from features.sources.series.gaps import Gap, Times, Window
from features.sources.series.revision import EDGE

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

    def times(self, series: str, symbols: Iterable[str]) -> dict[str, Times]:
        """Opening times of the bars of each symbol that a series has, ascending."""
        stored = self._bars(symbols, series).select("symbol", "ts").collect()
        parts = stored.partition_by("symbol", as_dict=True, include_key=False)
        return {str(name[0]): naive_utc(part["ts"].sort()) for name, part in parts.items()}

    def asked(self, series: str) -> dict[str, list[InVain]]:
        """What the source of a series was asked for in vain."""
        return read_asked(self.lake.folder(self.interval, series))

    def note_asked(self, series: str, gaps: Mapping[str, Sequence[Gap]], now: datetime) -> None:
        """Note what the source of a series was asked for in vain; see `add_asked`."""
        add_asked(self.lake.folder(self.interval, series), gaps, now)

    def around(
        self, series: str, symbols: Iterable[str], window: Window, *, own: bool
    ) -> pl.DataFrame:
        """Bars in a window, and of each symbol `EDGE` bars before and after it.

        Args:
            series: Which.
            symbols: Which.
            window: [start, end).
            own: Only those that the source of the series gave itself: what has joined it proves
                nothing.
        """
        stored = self._bars(symbols, series).collect()
        if own:
            stored = stored.filter(pl.col("source") == series)
        before = stored.filter(pl.col("ts") < window[0]).group_by("symbol").tail(EDGE)
        within = stored.filter(pl.col("ts").is_between(*window, closed="left"))
        after = stored.filter(pl.col("ts") >= window[1]).group_by("symbol").head(EDGE)
        return pl.concat([before, within, after]).sort("symbol", "ts")

    def whole(self, series: str, symbol: str) -> pl.DataFrame:
        """All bars of a symbol that a series has."""
        return self._bars([symbol], series).collect()

    def with_bars(self, window: Window, bars: pl.DataFrame) -> Window:
        """A window that holds these bars, too."""
        if bars.is_empty():
            return window
        first, last = bars.select(first=pl.col("ts").min(), last=pl.col("ts").max()).row(0)
        return min(window[0], first), max(window[1], last + INTERVALS[self.interval])

    def put(
        self,
        bars: pl.DataFrame,
        fetched: Fetched,
        *,
        series: str,
        source: str,
        replace: bool = False,
    ) -> None:
        """Write bars of `source` into `series`."""
        if bars.height:
            self.lake.write(
                bars.select(BAR_COLUMNS),
                interval=self.interval,
                source=source,
                adjustment=fetched.adjustment,
                retrieved=fetched.retrieved,
                series=series,
                replace=replace,
            )

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
