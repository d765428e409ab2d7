"""What of an answer is written into a series, and what stays as it was."""

from collections import defaultdict
from dataclasses import replace

import polars as pl

from cluster.errors import PloutosError
from features.bars.schema import BAR_COLUMNS
from features.sources.answer import Answer, sifted
from features.sources.http.errors import NotServed, SourceDown
from features.sources.portion import Portion, SymbolOutcome
from features.sources.protocol import BarSource, Fetched
from features.sources.series.gaps import Window
from features.sources.series.overlap import TOLERANCE, compare
from features.sources.series.revision import Revision, not_covered, rebased, revise
from features.sources.series.store import SeriesStore

NO_BARS = "it has no bars in this window"


def fetch_from(source: BarSource, symbols: list[str], interval: str, window: Window) -> Fetched:
    """The answer of a source.

    Raises:
        SourceDown: also for whatever its client library raises.
        PloutosError: what `BarSource.fetch` raises.
    """
    try:
        return source.fetch(symbols, interval, *window)
    except PloutosError:
        raise
    except Exception as error:  # a client of others, on an answer that nobody has foreseen
        why = f"its client failed ({type(error).__name__}: {error})"
        raise SourceDown(source.name, why[:200]) from error


class Keeper:
    """Writes of answers what is proven, and notes why the rest is not.

    Args:
        store: The series of the lake.
    """

    def __init__(self, store: SeriesStore) -> None:
        self._store = store
        self.outcomes: dict[str, SymbolOutcome] = defaultdict(SymbolOutcome)

    def lacking(self, symbols: list[str], source: BarSource, why: str) -> list[str]:
        """Note why a source has nothing for these symbols; another one may have it."""
        for symbol in symbols:
            self.outcomes[symbol].reasons[source.name] = why
        return symbols

    def refuse(self, symbol: str, source: BarSource, why: str) -> None:
        """Note why the series stays as it is; nobody else is asked, it is its own source's."""
        self.lacking([symbol], source, why)
        self.outcomes[symbol].complete = False

    def keep(
        self, source: BarSource, portion: Portion, window: Window, fetched: Fetched
    ) -> list[str]:
        """Write what is proven; the symbols that another source may be asked for.

        Args:
            source: Who answered.
            portion: The symbols that were asked for, and the window that they lack.
            window: What was asked for: that window, and bars of the series beside it.
            fetched: The answer.
        """
        answer = self._sifted(fetched, portion, window)
        written: list[pl.DataFrame] = []
        lacking: list[str] = []
        for symbol in portion.symbols:
            bars = answer.of(symbol)
            why = answer.wrong.get(symbol) or fetched.missing.get(symbol, "")
            joins = portion.series not in (None, source.name)
            if bars.is_empty():
                lacking += self._without_bars(source, symbol, portion, why)
            elif joins and (refusal := self._other_series(symbol, portion, bars)):
                lacking += self.lacking([symbol], source, refusal)
            else:
                if why:
                    self.lacking([symbol], source, why)
                elif not portion.bare:
                    self.outcomes[symbol].answered.append(portion.window)
                written.append(self._writable(source, symbol, portion, bars, fetched))
        series = portion.series or source.name
        rows = pl.concat([answer.good.frame.clear(), *written])
        self._store.put(rows, fetched, series=series, source=source.name)
        return lacking

    def _sifted(self, fetched: Fetched, portion: Portion, window: Window) -> Answer:
        answer = sifted(fetched.bars, portion.symbols, self._store.interval, window)
        for symbol, ts, reason in answer.aside.iter_rows():
            self.outcomes[symbol].set_aside[ts] = reason
        return answer

    def _without_bars(
        self, source: BarSource, symbol: str, portion: Portion, why: str
    ) -> list[str]:
        """What was before the first bar of a series, its own source knows best."""
        if not why and source.name == portion.series:
            self.outcomes[symbol].answered.append(portion.window)
            if portion.bare:
                return []
        return self.lacking([symbol], source, why or NO_BARS)

    def _other_series(self, symbol: str, portion: Portion, bars: pl.DataFrame) -> str:
        """Why bars of another source may not join the series; "" when they may."""
        ours = self._store.around(portion.series or "", [symbol], portion.window, own=True)
        near = bars.filter(pl.col("ts").is_between(ours["ts"].min(), ours["ts"].max()))
        return compare(ours, near, self._store.interval).reason

    def _writable(
        self,
        source: BarSource,
        symbol: str,
        portion: Portion,
        bars: pl.DataFrame,
        fetched: Fetched,
    ) -> pl.DataFrame:
        """New bars of an answer, and those with which a series' own source corrects it."""
        outcome = self.outcomes[symbol]
        stored = self._store.around(
            portion.series or source.name, [symbol], portion.window, own=False
        )
        if source.name == portion.series and not portion.bare:
            revision = revise(stored, bars, any_size=portion.again)
        else:
            inside = bars.filter(pl.col("ts").is_between(*portion.window, closed="left"))
            new = inside.join(stored, on="ts", how="anti")
            revision = Revision(new, new.height, stored.clear())
        outcome.proven |= not revision.reason and portion.series in (None, source.name)
        if revision.factor is not None:
            changed = f"its past is {revision.factor:.6g} times what it was"
            self._anew(source, symbol, portion, replace(fetched, bars=bars), changed)
        elif revision.reason:
            self.refuse(symbol, source, f"{revision.reason}, kept as it was")
        elif revision.kept.height:
            self.refuse(symbol, source, _differing(revision.kept))
        outcome.bars += revision.new
        outcome.sources |= {source.name} if revision.new else set()
        return revision.bars

    def _anew(
        self, source: BarSource, symbol: str, portion: Portion, near: Fetched, changed: str
    ) -> None:
        """Fetch a series anew: its own source tells its past differently now, as after a split."""
        stored = self._store.whole(source.name, symbol)
        window = self._store.with_bars(portion.window, stored)
        try:
            whole = fetch_from(source, [symbol], self._store.interval, window)
        except NotServed as failure:
            why = f"{changed}, and not to be had anew: {failure.why}"
            self._replace(source, symbol, stored, near, why)
            return
        except SourceDown as failure:
            self.refuse(symbol, source, f"{changed}; fetching it anew: {failure.why}")
            return
        answer = self._sifted(whole, replace(portion, symbols=(symbol,)), window)
        anew = answer.of(symbol)
        why = answer.wrong.get(symbol) or whole.missing.get(symbol) or not_covered(stored, anew)
        if why:
            self.outcomes[symbol].notes = [why]
            self.refuse(symbol, source, f"{changed}; fetched anew, {why}")
        else:
            self._replace(source, symbol, stored, replace(whole, bars=anew), changed)

    def _replace(
        self, source: BarSource, symbol: str, stored: pl.DataFrame, fetched: Fetched, why: str
    ) -> None:
        """Put new bars in the place of a series, and with them, rebased, what did not come."""
        lost = stored.join(fetched.bars, on="ts", how="anti")
        if not (lost["source"] == source.name).all():
            text = f"{why}; bars of other sources have joined it, kept as it was"
            self.refuse(symbol, source, text)
            return
        rows = pl.concat([fetched.bars, rebased(lost, stored, fetched.bars).select(BAR_COLUMNS)])
        rows = rows.sort("ts")
        self._store.put(rows, fetched, series=source.name, source=source.name, replace=True)
        outcome = self.outcomes[symbol]
        outcome.refetched = why
        outcome.bars += rows.height
        outcome.sources |= {source.name}


def _differing(kept: pl.DataFrame) -> str:
    first = kept["ts"][0]
    return (
        f"{kept.height} of its bars differ from those stored by more than {TOLERANCE:.0%}, kept as "
        f"they were, the first at {first:%Y-%m-%d %H:%M} UTC; --again takes the new ones"
    )
