"""What to ask for: the gaps of each symbol's series, and what is to be said of those that stay."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from features.bars.intervals import INTERVALS
from features.bars.sessions import midnight
from features.sources.keeper import NO_BARS
from features.sources.portion import Portion, SymbolOutcome
from features.sources.series.gaps import Gap, Place, Window, aware, gaps_of, named
from features.sources.series.store import SeriesStore

_APART = 4  # inner gaps that are asked for one by one
_DELISTED = 10  # sessions without a bar at the end, while its source has them of another symbol


@dataclass(frozen=True)
class Lack:
    """What the series of a symbol lacks.

    Args:
        series: Which.
        span: Of its bars.
        whole: The window looked at: the span, and what is wanted beside it.
        gaps: Those in it, and whether each is known to be none of the source's fault.
    """

    series: str
    span: Window
    whole: Window
    gaps: Mapping[Gap, bool]


@dataclass
class Plan:
    """What symbols lack in a window, looked at anew whenever it is asked.

    Args:
        store: The series.
        symbols: Of which.
        window: [start, end) that is wanted.
        names: Sources whose series count, in their order.
        now: UTC.
    """

    store: SeriesStore
    symbols: Sequence[str]
    window: Window
    names: Sequence[str]
    now: datetime
    _planned: set[tuple[str, Window, bool]] = field(default_factory=set)

    def portions(self) -> list[Portion]:
        """What is lacking and was not yet asked for, many symbols a portion."""
        lacks = self._lacks()
        groups: dict[tuple[str | None, Window, bool], list[str]] = defaultdict(list)
        started = {symbol for symbol, _, _ in self._planned}
        for symbol in self.symbols:
            lack = lacks.get(symbol)
            for part, is_head in _parts(lack) if lack else [(self.window, False)]:
                bare = is_head and symbol in started
                if (symbol, part, bare) not in self._planned:
                    self._planned.add((symbol, part, bare))
                    groups[lack.series if lack else None, part, bare].append(symbol)
        return [
            Portion(tuple(members), part, series, bare)
            for (series, part, bare), members in groups.items()
        ]

    def again(self) -> list[Portion]:
        """The whole window of every symbol, with what lies between it and the series."""
        lacks = self._lacks()
        groups: dict[tuple[str | None, Window], list[str]] = defaultdict(list)
        for symbol in self.symbols:
            lack = lacks.get(symbol)
            first, last = lack.span if lack else self.window
            part = min(self.window[0], last), max(self.window[1], first)
            self._planned.add((symbol, part, False))
            groups[lack.series if lack else None, part].append(symbol)
        return [
            Portion(tuple(members), part, series, again=series is not None)
            for (series, part), members in groups.items()
        ]

    def settle(self, outcomes: Mapping[str, SymbolOutcome]) -> dict[str, str]:
        """Say of each symbol what it still lacks, and note what was asked for in vain.

        Returns:
            The series of each symbol that has one.
        """
        self._note_asked(outcomes)
        lacks = self._lacks()
        served = {lack.series for lack in lacks.values() if not _tail(lack)}
        for symbol in self.symbols:
            outcome, lack = outcomes[symbol], lacks.get(symbol)
            if lack is None:
                outcome.complete = False
                continue
            outcome.series = lack.series
            excused = [
                gap
                for gap, settled in lack.gaps.items()
                if (settled or (lack.series in served and _is_delisted(gap, outcome)))
                and not _came(gap, outcome)
            ]
            _say(outcome, excused, [gap for gap in lack.gaps if gap not in excused])
        return {symbol: lack.series for symbol, lack in lacks.items()}

    def _note_asked(self, outcomes: Mapping[str, SymbolOutcome]) -> None:
        in_vain: dict[str, dict[str, list[Gap]]] = defaultdict(dict)
        for symbol, lack in self._lacks().items():
            asked = [gap for gap in lack.gaps if _answered(gap, outcomes[symbol].answered)]
            if asked:
                in_vain[lack.series][symbol] = asked
        for series, gaps in in_vain.items():
            self.store.note_asked(series, gaps, self.now)

    def _lacks(self) -> dict[str, Lack]:
        series_of = self.store.series_of(self.symbols, self.names)
        members: dict[str, list[str]] = defaultdict(list)
        for symbol, series in series_of.items():
            members[series].append(symbol)
        step, lacks = INTERVALS[self.store.interval], {}
        for series, symbols in members.items():
            asked = self.store.asked(series)
            for symbol, times in self.store.times(series, symbols).items():
                span = aware(times[0]), aware(times[-1]) + step
                whole = min(self.window[0], span[0]), max(self.window[1], span[1])
                found = gaps_of(times, whole, self.store.interval)
                gaps = {
                    gap: any(known.settles(gap) for known in asked.get(symbol, []))
                    for gap in found
                    if gap.place is not Place.INNER or _meet(gap.window, self.window)
                }
                lacks[symbol] = Lack(series, span, whole, gaps)
        return lacks


def _parts(lack: Lack) -> Iterable[tuple[Window, bool]]:
    """Windows to ask for, and whether they lie before the series; many inner gaps are one.

    The time before a series is asked for with bars of it, which show that its past is the same, and
    then by itself: an answer that is cut is not taken for the listing of a symbol.
    """
    for gap, settled in lack.gaps.items():
        if gap.place is Place.HEAD and not settled:
            yield gap.window, True
    inner = [gap.window for gap in lack.gaps if gap.place is Place.INNER]
    if len(inner) > _APART:
        inner = [(inner[0][0], inner[-1][1])]
    yield from ((window, False) for window in inner)
    tail = _tail(lack)
    if tail:  # from the start of a day on, so that many symbols have the same
        start, end = tail.window
        yield (min(start, midnight(start.date())), end), False


def _tail(lack: Lack) -> Gap | None:
    return next((gap for gap in lack.gaps if gap.place is Place.TAIL), None)


def _meet(one: Window, other: Window) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _answered(gap: Gap, windows: Iterable[Window]) -> bool:
    """Whether its source was asked for it: for the time before a series, for nothing else."""
    if gap.place is Place.HEAD:
        return gap.window in windows  # by itself, and no bar came
    return any(start <= gap.window[0] and gap.window[1] <= end for start, end in windows)


def _is_delisted(gap: Gap, outcome: SymbolOutcome) -> bool:
    long = gap.place is Place.TAIL and len(gap.sessions) >= _DELISTED
    return long and _answered(gap, outcome.answered)


def _came(gap: Gap, outcome: SymbolOutcome) -> bool:
    """Whether a bar came that failed the checks."""
    start, end = gap.window
    return any(ts is not None and start <= ts < end for ts in outcome.set_aside)


def _say(outcome: SymbolOutcome, excused: list[Gap], missing: list[Gap]) -> None:
    """Put gaps into words: notes, and what is missing."""
    series = outcome.series or ""
    later = [gap for gap in excused if gap.place is not Place.HEAD]  # a late start has its own note
    if later:
        outcome.notes.append(f"{series}: {_text(later)}; it was not traded then, it seems")
    if not missing:
        return
    outcome.complete = False
    outcome.lacking = tuple(sorted({day for gap in missing for day in gap.sessions}))
    before = outcome.reasons.get(series, NO_BARS)
    text = _text(missing)
    outcome.reasons[series] = text if before == NO_BARS else f"{before}; {text}"


def _text(gaps: list[Gap]) -> str:
    days = [day for gap in gaps if gap.place is not Place.TAIL for day in gap.sessions]
    texts = [f"it lacks bars of {named(days)}"] if days else []
    for gap in gaps:
        first, start = gap.sessions[0], gap.window[0]
        if gap.place is Place.TAIL:
            part = start.date() == first and start != midnight(first)
            since = f"{start:%Y-%m-%d %H:%M} UTC" if part else str(first)
            texts.append(f"it has no bars from {since} on")
    return ", and ".join(texts)
