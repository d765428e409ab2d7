"""Which bars a series lacks: its bars say so themselves, held against the exchange calendar."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from features.bars.intervals import INTERVALS
from features.bars.sessions import (
    OUTSIDE,
    is_session,
    midnight,
    session_close,
    session_dates,
    session_index,
    session_times,
    sessions_between,
)
from features.bars.summary import expected_times

QUIET = timedelta(minutes=30)  # a shorter stretch of a session without bars may be quiet trading
_TICK = timedelta(microseconds=1)

Window = tuple[datetime, datetime]  # [start, end), UTC, of opening times of bars
Times = NDArray[np.datetime64]  # (N,) datetime64[us], UTC, ascending


class Place(StrEnum):
    """Where a gap lies."""

    HEAD = "head"  # before the first bar: the symbol may have been listed later
    INNER = "inner"
    TAIL = "tail"  # after the last bar


@dataclass(frozen=True)
class Gap:
    """A stretch of a series in which the exchange was open, and which has no bar.

    Args:
        place: Where it lies.
        window: What there is to ask for.
        sessions: The sessions that lack bars, all or in part.
    """

    place: Place
    window: Window
    sessions: tuple[date, ...]


def end_of_data(now: datetime, delay: timedelta, interval: str) -> datetime:
    """Bars that open before this time are over, and the source has them.

    Args:
        now: UTC.
        delay: Of the source.
        interval: Of the bars.
    """
    sure = now - delay
    if interval != "1d":
        return sure - INTERVALS[interval]
    day = sure.date()
    over = not is_session(day) or session_close(day) <= sure
    return midnight(day + timedelta(days=1) if over else day)


def has_session(start: datetime, end: datetime, interval: str) -> bool:
    """Whether the exchange is open in [start, end); for daily bars: whether one opens then."""
    if start >= end:
        return False
    numbers = sessions_between(start.date(), (end - _TICK).date())
    low, high = _naive(start), _naive(end)
    if interval == "1d":
        days = session_dates(numbers)
        return bool(((days >= low) & (days < high)).any())
    opens, closes = session_times(numbers)
    return bool(((opens < high) & (closes > low)).any())


def gaps_of(times: Times, window: Window, interval: str) -> list[Gap]:
    """What a series lacks in a window.

    Bars of regular hours are expected at every step of the interval, at the minute at which most
    of the series' bars open. Of bars of less than `QUIET`, some may be missing in a row.

    Args:
        times: Opening times of its bars, at least one.
        window: Its start and end are those of the gaps before the first and after the last bar.
        interval: Of the bars.
    """
    step = INTERVALS[interval]
    first, last = (aware(times[at]) for at in (0, -1))
    expected = _expected(times, window, interval)
    absent = expected[~np.isin(expected, times)]
    inner = absent[(absent > times[0]) & (absent < times[-1])]
    found = [_gap(Place.HEAD, absent[absent < times[0]], (window[0], first))]
    found += [
        _gap(Place.INNER, run, (aware(run[0]), aware(run[-1]) + step))
        for run in np.split(inner, _breaks(inner, expected))
        if len(run)
    ]
    found.append(_gap(Place.TAIL, absent[absent > times[-1]], (last + step, window[1])))
    return [gap for gap in found if gap.sessions and _is_long(gap, absent, step)]


def named(sessions: Iterable[date]) -> str:
    """Sessions by name, those in a row by the first and the last of them."""
    days = sorted(set(sessions))
    if not days:
        return ""
    numbers = session_index(np.array(days, dtype="datetime64[us]"), daily=True)
    runs = np.split(np.array(days), np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _is_long(gap: Gap, absent: Times, step: timedelta) -> bool:
    low, high = (_naive(moment) for moment in gap.window)
    return int(((absent >= low) & (absent < high)).sum()) * step >= QUIET


def _expected(times: Times, window: Window, interval: str) -> Times:
    numbers = sessions_between(window[0].date(), (window[1] - _TICK).date())
    if not len(numbers):
        return times[:0]
    if interval == "1d":
        expected = session_dates(numbers).astype("datetime64[us]")
    else:
        inside = session_index(times, daily=False) != OUTSIDE
        if not inside.any():
            return times[:0]
        expected = expected_times(times[inside], numbers, interval)
        expected = np.union1d(expected, _over_opens(times, expected, numbers, INTERVALS[interval]))
    return expected[(expected >= _naive(window[0])) & (expected < _naive(window[1]))]


def _over_opens(
    times: Times, expected: Times, numbers: NDArray[np.int64], step: timedelta
) -> Times:
    """Bars that open before their session does and end within it, if most sessions have them."""
    opens, _ = session_times(numbers)
    begin = expected[np.minimum(np.searchsorted(expected, opens), len(expected) - 1)]
    before = begin - np.timedelta64(step)
    spans = (before < opens) & (begin > opens) & np.isin(begin, times)
    most = np.isin(before[spans], times).mean() > 0.5 if spans.any() else False
    return before[(before < opens) & (begin > opens)] if most else times[:0]


def _breaks(inner: Times, expected: Times) -> NDArray[np.int64]:
    """Where a run of bars that are expected one after the other ends."""
    return np.flatnonzero(np.diff(np.searchsorted(expected, inner)) > 1) + 1


def _gap(place: Place, absent: Times, window: Window) -> Gap:
    days = np.unique(absent.astype("datetime64[D]"))
    return Gap(place, window, tuple(days.tolist()))


def _naive(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None), "us")


def aware(moment: np.datetime64) -> datetime:
    """A time of UTC, with its zone."""
    naive: datetime = moment.astype("datetime64[us]").astype(datetime)
    return naive.replace(tzinfo=UTC)
