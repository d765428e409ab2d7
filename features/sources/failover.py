"""From one source to the next, and never two of them in one series unless proven equal."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from features.bars.checks import CheckedBars, split_bad
from features.sources.answered import Window
from features.sources.gaps import answered_until
from features.sources.http.errors import NotEntitled, NotServed, SourceDown
from features.sources.overlap import ENOUGH, compare
from features.sources.portion import Portion, SymbolOutcome
from features.sources.protocol import INTERVALS, BarSource, Fetched
from features.sources.series import SeriesStore

OVERLAP = 20  # bars at the edge of a series that another source has to agree on
_NO_BARS = "it has no bars in this window"


class Failover:
    """Asks sources in order until none of the symbols lacks anything.

    Args:
        sources: In order of preference.
        store: Where bars go, as soon as they are there.
        report: Called with the number of symbols done and the source, after every answer.
    """

    def __init__(
        self,
        sources: Sequence[BarSource],
        store: SeriesStore,
        report: Callable[[int, str], None] = lambda done, source: None,
    ) -> None:
        self._sources = sources
        self._store = store
        self._report = report
        self.outcomes: dict[str, SymbolOutcome] = defaultdict(SymbolOutcome)

    def fill(self, portion: Portion) -> None:
        """Fetch a portion; what is had is kept, and what is not is in `outcomes` with its reasons.

        Raises:
            ConfigError: a key is refused.
        """
        left = list(portion.symbols)
        for source in self._candidates(portion):
            lacking: list[str] = []
            for batch in source.batches(left, self._store.interval, *portion.window):
                lacking += self._ask(source, batch, portion)
                self._report(len(batch), source.name)
            left = lacking
            if not left:
                return
        for symbol in left:
            self.outcomes[symbol].complete = False

    def _lacking(self, symbols: list[str], source: BarSource, why: str) -> list[str]:
        """Note why a source has nothing for these symbols; another one may have it."""
        for symbol in symbols:
            self.outcomes[symbol].reasons[source.name] = why
        return symbols

    def _give_up(self, symbols: list[str], source: BarSource, why: str) -> list[str]:
        """Note why, and ask nobody else: the source is well, and the series stays its own."""
        for symbol in self._lacking(symbols, source, why):
            self.outcomes[symbol].complete = False
        return []

    def _candidates(self, portion: Portion) -> Iterator[BarSource]:
        """The source that the series began with, then the others in their order."""
        yield from (source for source in self._sources if source.name == portion.series)
        yield from (source for source in self._sources if source.name != portion.series)

    def _ask(self, source: BarSource, symbols: list[str], portion: Portion) -> list[str]:
        """Ask one source; the symbols that another one may be asked for."""
        edge = self._edge(source, symbols, portion)
        try:
            fetched = source.fetch(symbols, self._store.interval, *self._with(portion.window, edge))
        except NotEntitled as failure:
            return self._give_up(symbols, source, failure.why)
        except NotServed as failure:
            if len(symbols) == 1:
                return self._lacking(symbols, source, _reason(failure))
            half = len(symbols) // 2  # one of them spoils it for the others
            return [
                *self._ask(source, symbols[:half], portion),
                *self._ask(source, symbols[half:], portion),
            ]
        except SourceDown as failure:
            return self._lacking(symbols, source, failure.why)
        return self._keep(source, symbols, portion, edge, fetched)

    def _edge(self, source: BarSource, symbols: list[str], portion: Portion) -> pl.DataFrame | None:
        """Bars of the series that the answer has to agree with."""
        if portion.series is None:
            return None
        bars = 1 if source.name == portion.series else OVERLAP
        return self._store.edge(portion.series, symbols, portion.window, bars)

    def _with(self, window: Window, edge: pl.DataFrame | None) -> Window:
        """A window and the edge of the series beside it."""
        if edge is None or edge.is_empty():
            return window
        first, last = edge.select(first=pl.col("ts").min(), last=pl.col("ts").max()).row(0)
        return min(window[0], first), max(window[1], last + INTERVALS[self._store.interval])

    def _keep(
        self,
        source: BarSource,
        symbols: list[str],
        portion: Portion,
        edge: pl.DataFrame | None,
        fetched: Fetched,
    ) -> list[str]:
        """Write what is proven; the symbols that another source may be asked for."""
        answered = self._checked(fetched.bars, portion.whole[1])
        proven: list[str] = []
        lacking: list[str] = []
        for symbol in symbols:
            bars = answered.frame.filter(pl.col("symbol") == symbol)
            why = fetched.missing.get(symbol, "" if bars.height else _NO_BARS)
            if not why and edge is not None:
                ours = edge.filter(pl.col("symbol") == symbol)
                enough = ENOUGH if source.name != portion.series else 1
                why = self._disagreement(ours, bars, enough)
                if why and source.name == portion.series:
                    lacking += self._refetch(source, symbol, portion, why)
                    continue
            if why:
                lacking += self._lacking([symbol], source, why)
            else:
                proven.append(symbol)
        in_window = pl.col("ts").is_between(*portion.window, closed="left")
        new = answered.filter(in_window, pl.col("symbol").is_in(proven))
        self._put(source, portion, fetched, symbols=proven, bars=new)
        return lacking

    def _checked(self, bars: pl.DataFrame, end: datetime) -> CheckedBars:
        """The bars that are over and pass the checks; the others are noted."""
        if self._store.interval == "1d":
            bars = bars.with_columns(pl.col("ts").dt.truncate("1d"))
        bars = bars.filter(pl.col("ts").is_null() | (pl.col("ts") < end))
        if bars.is_empty():
            return CheckedBars.none()
        good, bad = split_bad(bars)
        for symbol, ts, reason in bad.select("symbol", "ts", "reason").iter_rows():
            self.outcomes[symbol].set_aside.append(f"{ts}: {reason}")
        return good

    def _disagreement(self, ours: pl.DataFrame, theirs: pl.DataFrame, enough: int) -> str:
        """Why an answer is not of the same series as its edge; "" when it is."""
        near = theirs.filter(pl.col("ts").is_between(ours["ts"].min(), ours["ts"].max()))
        return compare(ours, near, self._store.interval, enough).reason

    def _refetch(self, source: BarSource, symbol: str, portion: Portion, why: str) -> list[str]:
        """Fetch a series anew: its own source tells its past differently now, as after a split."""
        whole = replace(portion, symbols=(symbol,), window=portion.whole)
        try:
            fetched = source.fetch([symbol], self._store.interval, *whole.window)
        except (NotServed, SourceDown) as failure:
            return self._give_up([symbol], source, f"{why}; fetching it anew: {failure.why}")
        bars = self._checked(fetched.bars, portion.whole[1])
        if bars.frame.is_empty():
            return self._give_up([symbol], source, f"{why}; fetching it anew: {_NO_BARS}")
        self._put(source, whole, fetched, symbols=[symbol], bars=bars, anew=True)
        self.outcomes[symbol].refetched = why
        return []

    def _put(
        self,
        source: BarSource,
        portion: Portion,
        fetched: Fetched,
        *,
        symbols: list[str],
        bars: CheckedBars,
        anew: bool = False,
    ) -> None:
        """Write the bars of symbols, and note what came of it."""
        if not symbols:
            return
        series = portion.series or source.name
        of_symbol = {name: bars.frame.filter(pl.col("symbol") == name) for name in symbols}
        until = {symbol: self._answered(rows, portion) for symbol, rows in of_symbol.items()}
        start = portion.window[0]
        self._store.put(
            bars,
            series=series,
            source=source.name,
            fetched=fetched,
            windows={symbol: (start, end) for symbol, end in until.items() if end > start},
            replace=anew,
        )
        for symbol, rows in of_symbol.items():
            outcome = self.outcomes[symbol]
            outcome.series = series
            outcome.bars += rows.height
            outcome.sources |= {source.name} if rows.height else set()
            if until[symbol] < portion.window[1]:
                outcome.complete = False
                day = f"{until[symbol]:%Y-%m-%d}"
                outcome.reasons[source.name] = f"it has no bars from {day} on"

    def _answered(self, bars: pl.DataFrame, portion: Portion) -> datetime:
        """Up to where a window counts as answered; a head may start late, nothing may end early."""
        if portion.is_head:
            return portion.window[1]
        newest = bars["ts"].max()
        return answered_until(newest, portion.window, self._store.interval)  # type: ignore[arg-type]


def _reason(failure: NotServed) -> str:
    """Why, and what else would do."""
    return f"{failure.why}; {failure.next_command}" if failure.next_command else failure.why
