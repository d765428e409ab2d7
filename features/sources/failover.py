"""From one source to the next, and never two of them in one series unless proven equal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from features.bars.sessions import midnight
from features.sources.http.errors import NotEntitled, NotKnown, NotServed, SourceDown
from features.sources.keeper import Keeper, fetch_from
from features.sources.portion import Portion
from features.sources.protocol import BarSource
from features.sources.series.gaps import has_session
from features.sources.series.store import SeriesStore


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
        self._keeper = Keeper(store)
        self.outcomes = self._keeper.outcomes

    def fill(self, portion: Portion) -> None:
        """Fetch a portion; what is had is kept, and what is not is in `outcomes` with its reasons.

        Raises:
            ConfigError: a key is refused.
        """
        left = [s for s in portion.symbols if not portion.bare or self.outcomes[s].proven]
        for source in self._candidates(portion):
            lacking: list[str] = []
            for batch in source.batches(left, self._store.interval, *portion.window):
                lacking += self._ask(source, batch, portion)
                self._report(len(batch), source.name)
            left = lacking
            if not left:
                return
        if portion.again:
            for symbol in left:
                self.outcomes[symbol].complete = False

    def _candidates(self, portion: Portion) -> Iterator[BarSource]:
        """The source that the series began with, then the others in their order."""
        yield from (source for source in self._sources if source.name == portion.series)
        if not (portion.again or portion.bare):
            yield from (source for source in self._sources if source.name != portion.series)

    def _ask(
        self, source: BarSource, symbols: list[str], portion: Portion, *, last_day: bool = True
    ) -> list[str]:
        """Ask one source; the symbols that another one may be asked for."""
        series, own = portion.series or source.name, source.name == portion.series
        stored = self._store.around(series, symbols, portion.window, own=not own)
        window = portion.window if portion.bare else self._store.with_bars(portion.window, stored)
        try:
            fetched = fetch_from(source, symbols, self._store.interval, window)
        except NotEntitled as failure:
            if last_day:
                self._ask_without_last_day(source, symbols, portion)
            for symbol in symbols:
                self._keeper.refuse(symbol, source, failure.why)
            return []  # the source is well, and the series stays its own
        except NotServed as failure:
            if len(symbols) == 1:
                if own and isinstance(failure, NotKnown):
                    self.outcomes[symbols[0]].answered.append(portion.window)
                return self._keeper.lacking(symbols, source, _reason(failure))
            half = len(symbols) // 2  # one of them spoils it for the others
            return [
                *self._ask(source, symbols[:half], portion),
                *self._ask(source, symbols[half:], portion),
            ]
        except SourceDown as failure:
            return self._keeper.lacking(symbols, source, failure.why)
        portion = replace(portion, symbols=tuple(symbols))
        return self._keeper.keep(source, portion, window, fetched)

    def _ask_without_last_day(
        self, source: BarSource, symbols: list[str], portion: Portion
    ) -> None:
        """A plan that hands out no bars of today hands out those of the days before."""
        start, end = portion.window
        earlier = start, midnight((end - timedelta(microseconds=1)).date())
        if has_session(*earlier, self._store.interval):
            self._ask(source, symbols, replace(portion, window=earlier), last_day=False)


def _reason(failure: NotServed) -> str:
    """Why, and what else would do."""
    return f"{failure.why}; {failure.next_command}" if failure.next_command else failure.why
