"""`ploutos data fetch`: what the lake lacks, from the sources in their order."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cluster.errors import UsageError
from features.bars.symbols import canonical
from features.lake.lake import Lake
from features.sources.answered import Window
from features.sources.failover import Failover
from features.sources.fetch_result import FetchResult
from features.sources.gaps import end_of_data, lacking, last_session
from features.sources.portion import Portion, SymbolOutcome
from features.sources.protocol import INTERVALS, BarSource
from features.sources.series import SeriesStore

_TICKER = re.compile(r"[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,3})?")
_FORMAT = "%Y-%m-%d %H:%M"
_EXAMPLE = "ploutos data fetch AAPL MSFT --interval 1h --start 2024-01-02"


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch.

    Args:
        symbols: Tickers of US stocks; a class is written BRK.B or BRK-B, and kept as BRK-B.
        interval: One of `protocol.INTERVALS`.
        start: First opening time, UTC.
        end: Bars open before it; None: up to now.
    """

    symbols: tuple[str, ...]
    interval: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """How far a fetch is: portions of a symbol that are done, of all, and who answered last."""

    done: int
    total: int
    source: str


@dataclass(frozen=True)
class Fetcher:
    """Fetches into one lake.

    Args:
        lake: Where bars go.
        sources: Who may be asked, in order of preference.
        skipped: Who may not, and why; they are named where something is missing.
        now: The time, UTC.
    """

    lake: Lake
    sources: Sequence[BarSource]
    skipped: Mapping[str, str] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def fetch(
        self, request: FetchRequest, report: Callable[[Progress], None] = lambda progress: None
    ) -> FetchResult:
        """Ask for what the lake lacks, and write it as it comes; the same call again goes on.

        Raises:
            UsageError: a symbol, interval or window that cannot be.
            ConfigError: a key is refused; what came before is kept.
            DataError: a damaged lake.
        """
        symbols = _tickers(request.symbols)
        window = self._window(request)
        store = SeriesStore(self.lake, request.interval)
        portions = self._plan(store, symbols, window)
        total = sum(len(portion.symbols) for portion in portions)
        done = 0

        def count(symbols_done: int, source: str) -> None:
            nonlocal done
            done = min(total, done + symbols_done)
            report(Progress(done, total, source))

        failover = Failover(self.sources, store, count)
        for portion in portions:
            failover.fill(portion)
        return self._result(store, symbols, window, failover.outcomes)

    def _window(self, request: FetchRequest) -> Window:
        if request.interval not in INTERVALS:
            why = f"it is one of {', '.join(INTERVALS)}"
            raise UsageError(f"interval {request.interval!r}", why, _EXAMPLE)
        delay = max((source.delay for source in self.sources), default=timedelta())
        newest = end_of_data(self.now(), delay, request.interval)
        end = min(request.end or newest, newest)
        if request.start >= end:
            why = (
                f"it starts at {request.start:%Y-%m-%d %H:%M} and ends at {end:%Y-%m-%d %H:%M} UTC"
            )
            raise UsageError("there are no bars in this window yet", why, _EXAMPLE)
        if last_session(request.start, end, request.interval) is None:
            raise UsageError(
                "there is no session in this window",
                f"{request.start:{_FORMAT}} to {end:{_FORMAT}} UTC",
                _EXAMPLE,
            )
        return request.start, end

    def _plan(self, store: SeriesStore, symbols: list[str], window: Window) -> list[Portion]:
        """Symbols by the series they are in and the window they lack."""
        names = [*(source.name for source in self.sources), *self.skipped]
        series_of = store.series_of(symbols, names)
        groups: dict[tuple[str | None, Window, Window], list[str]] = defaultdict(list)
        answered = {name: store.answered(name, symbols) for name in set(series_of.values())}
        for symbol in symbols:
            series = series_of.get(symbol)
            had = answered[series][symbol] if series else None
            whole = (min(window[0], had[0]), max(window[1], had[1])) if had else window
            for part in lacking(window, had, store.interval):
                groups[series, part, whole].append(symbol)
        return [
            Portion(tuple(members), part, series, whole)
            for (series, part, whole), members in groups.items()
        ]

    def _result(
        self,
        store: SeriesStore,
        symbols: list[str],
        window: Window,
        found: Mapping[str, SymbolOutcome],
    ) -> FetchResult:
        names = [*(source.name for source in self.sources), *self.skipped]
        series_of = store.series_of(symbols, names)
        spans = store.spans(symbols)
        outcomes = {symbol: found.get(symbol, SymbolOutcome()) for symbol in symbols}
        for symbol, outcome in outcomes.items():
            outcome.series = series_of.get(symbol)
            if not outcome.complete:
                outcome.reasons = {**self.skipped, **outcome.reasons}
        kept = {s: spans[s, series] for s, series in series_of.items()}
        return FetchResult(window, outcomes, kept, dict(self.skipped))


def _tickers(symbols: Sequence[str]) -> list[str]:
    """Symbols in the lake's own spelling, each once."""
    tickers = []
    for symbol in symbols:
        ticker = canonical(symbol.strip().upper())
        if not _TICKER.fullmatch(ticker):
            why = "it must be letters and digits, with a class after a hyphen at most"
            raise UsageError(f"symbol {symbol!r} is no ticker", why, _EXAMPLE)
        tickers.append(ticker)
    if not tickers:
        raise UsageError("no symbols", "there is nothing to fetch", _EXAMPLE)
    return list(dict.fromkeys(tickers))
