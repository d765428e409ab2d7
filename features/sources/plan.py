"""What to ask for: the gaps of each symbol's series, and what is to be said of those that stay."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from features.bars.sessions import midnight
from features.sources.keeper import NO_BARS
from features.sources.portion import Portion, SymbolOutcome
from features.sources.protocol import INTERVALS
from features.sources.series.gaps import Gap, Place, Window, aware, gaps_of, named
from features.sources.series.store import SeriesStore

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
        lacks = self._lacks()
        in_vain: dict[str, dict[str, tuple[Window, list[Gap]]]] = defaultdict(dict)
        served = {lack.series for lack in lacks.values() if not _tail(lack)}
        for symbol in self.symbols:
            outcome, lack = outcomes[symbol], lacks.get(symbol)
            if lack is None:
                outcome.complete = False
                continue
            outcome.series = lack.series
            asked = {gap: _answered(gap, outcome.answered) for gap in lack.gaps}
            for gap, settled in lack.gaps.items():
                _say(outcome, gap, settled or _is_none(gap, asked[gap], lack.series in served))
            if any(asked.values()):
                noted = [gap for gap, known in lack.gaps.items() if known or asked[gap]]
                in_vain[lack.series][symbol] = (lack.whole, noted)
        for series, lacking in in_vain.items():
            self.store.note_asked(series, lacking, self.now)
        return {symbol: lack.series for symbol, lack in lacks.items()}

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
                    gap: any(known.settles(gap, self.now) for known in asked.get(symbol, []))
                    for gap in found
                    if gap.place is not Place.INNER or _meet(gap.window, self.window)
                }
                lacks[symbol] = Lack(series, span, whole, gaps)
        return lacks


def _parts(lack: Lack) -> Iterable[tuple[Window, bool]]:
    """Windows to ask for, and whether they lie before the series; inner gaps are asked as one.

    The time before a series is asked for with bars of it, which show that its past is the same, and
    then by itself: an answer that is cut is not taken for the listing of a symbol.
    """
    open_gaps = [gap for gap, settled in lack.gaps.items() if not settled]
    yield from ((gap.window, True) for gap in open_gaps if gap.place is Place.HEAD)
    inner = [gap.window for gap in open_gaps if gap.place is Place.INNER]
    if inner:
        yield (inner[0][0], inner[-1][1]), False
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


def _is_none(gap: Gap, answered: bool, served: bool) -> bool:
    """Whether a gap is none of its source's fault, by this answer alone."""
    if gap.place is Place.TAIL:
        return answered and served and len(gap.sessions) >= _DELISTED
    return answered and gap.place is Place.HEAD


def _say(outcome: SymbolOutcome, gap: Gap, excused: bool) -> None:
    """Put a gap into words: a note when it is excused, else something that is missing."""
    series = outcome.series or ""
    text = _text(gap)
    start, end = gap.window
    came = any(ts is not None and start <= ts < end for ts in outcome.set_aside)
    if excused and not came:
        if gap.place is not Place.HEAD:
            why = "no longer" if gap.place is Place.TAIL else "not"
            outcome.notes.append(f"{series}: {text}; it was {why} traded, it seems")
        return
    outcome.complete = False
    outcome.lacking = tuple(sorted({*outcome.lacking, *gap.sessions}))
    before = outcome.reasons.get(series, NO_BARS)
    outcome.reasons[series] = text if before == NO_BARS else f"{before}; {text}"


def _text(gap: Gap) -> str:
    first, start = gap.sessions[0], gap.window[0]
    if gap.place is not Place.TAIL:
        return f"it lacks bars of {named(gap.sessions)}"
    if start.date() != first or start == midnight(first):
        return f"it has no bars from {first} on"
    return f"it has no bars from {start:%Y-%m-%d %H:%M} UTC on"
