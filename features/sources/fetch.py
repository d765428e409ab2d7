"""`ploutos data fetch`: what the lake lacks, from the sources in their order."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cluster.errors import UsageError
from features.bars.intervals import INTERVALS
from features.bars.symbols import canonical
from features.lake.lake import Lake
from features.sources.actions import fetch_actions
from features.sources.failover import Failover
from features.sources.fetch_result import FetchResult
from features.sources.plan import Plan
from features.sources.portion import SymbolOutcome
from features.sources.protocol import BarSource
from features.sources.series.gaps import Window, end_of_data, has_session
from features.sources.series.store import SeriesStore

_TICKER = re.compile(r"[A-Z][A-Z0-9]{0,9}([.-][A-Z0-9]{1,3})?")
_FORMAT = "%Y-%m-%d %H:%M"
_PASSES = 4  # an answer that is cut, and the rest of it
_EXAMPLE = "ploutos data fetch AAPL MSFT --interval 1h --start 2024-01-02"


@dataclass(frozen=True)
class FetchRequest:
    """What to fetch.

    Args:
        symbols: Tickers of US stocks; a class is written BRK.B or BRK-B, and kept as BRK-B.
        interval: One of `features.bars.intervals.INTERVALS`.
        start: First opening time, UTC.
        end: Bars open before it; None: up to now.
        again: Ask for all of it, what the lake has included.
    """

    symbols: tuple[str, ...]
    interval: str
    start: datetime
    end: datetime | None = None
    again: bool = False


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
        plan = Plan(store, symbols, window, self._names, self.now())
        total = done = 0

        def count(symbols_done: int, source: str) -> None:
            nonlocal done
            done = min(total, done + symbols_done)
            report(Progress(done, total, source))

        failover = Failover(self.sources, store, count)
        portions = plan.again() if request.again else plan.portions()
        for _ in range(_PASSES):
            if not portions:
                break
            total += sum(len(portion.symbols) for portion in portions)
            for portion in portions:
                failover.fill(portion)
            portions = plan.portions()  # what an answer left out is asked for by itself
        outcomes = {symbol: failover.outcomes[symbol] for symbol in symbols}
        return self._result(plan, outcomes)

    @property
    def _names(self) -> list[str]:
        return [*(source.name for source in self.sources), *self.skipped]

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
        if not has_session(request.start, end, request.interval):
            raise UsageError(
                "there is no session in this window",
                f"{request.start:{_FORMAT}} to {end:{_FORMAT}} UTC",
                _EXAMPLE,
            )
        return request.start, end

    def _result(self, plan: Plan, outcomes: dict[str, SymbolOutcome]) -> FetchResult:
        series_of = plan.settle(outcomes)
        spans = plan.store.spans(outcomes)
        for outcome in outcomes.values():
            if not outcome.complete:
                outcome.reasons = {**self.skipped, **outcome.reasons}
        kept = {symbol: spans[symbol, series] for symbol, series in series_of.items()}
        failed = self._fetch_actions(plan, outcomes)
        return FetchResult(plan.window, outcomes, kept, dict(self.skipped), failed)

    def _fetch_actions(self, plan: Plan, outcomes: Mapping[str, SymbolOutcome]) -> dict[str, str]:
        """Splits and dividends of the symbols that have new bars; bars are complete without."""
        symbols_of: dict[str, list[str]] = defaultdict(list)
        for symbol, outcome in outcomes.items():
            if outcome.bars and outcome.series in outcome.sources:
                symbols_of[outcome.series].append(symbol)
        starts = [start for outcome in outcomes.values() for start, _ in outcome.answered]
        window = min(starts, default=plan.window[0]), plan.window[1]
        return fetch_actions(self.lake, self.sources, symbols_of, window, plan.now)


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
