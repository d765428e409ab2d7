"""Which stretches of time a series still lacks, by the exchange calendar."""

from datetime import date, datetime, timedelta

from features.bars.sessions import (
    is_session,
    midnight,
    session_close,
    session_dates,
    session_times,
    sessions_between,
)
from features.sources.answered import Window
from features.sources.protocol import INTERVALS

_TICK = timedelta(microseconds=1)


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


def last_session(start: datetime, end: datetime, interval: str) -> date | None:
    """The last session that has bars which open in [start, end); None when there is none."""
    if start >= end:
        return None
    numbers = sessions_between(start.date(), (end - _TICK).date())
    days: list[date] = session_dates(numbers).tolist()
    if interval == "1d":
        return next((day for day in reversed(days) if start <= midnight(day) < end), None)
    low, high = start.replace(tzinfo=None), end.replace(tzinfo=None)
    times = zip(days, *(each.tolist() for each in session_times(numbers)), strict=True)
    open_then = [day for day, opens, closes in times if opens < high and closes > low]
    return open_then[-1] if open_then else None


def lacking(window: Window, answered: Window | None, interval: str) -> list[Window]:
    """What of `window` lies before and after `answered`, as far as there are sessions in it.

    The windows touch `answered`, so that a series never has a hole that nobody asked for.
    """
    start, end = window
    parts = [window] if answered is None else [(start, answered[0]), (answered[1], end)]
    return [part for part in parts if last_session(*part, interval) is not None]


def answered_until(newest: datetime | None, window: Window, interval: str) -> datetime:
    """The end of the window, if an answer reaches its last session, else that of its last bar.

    Args:
        newest: Opening time of the last bar that came; None: none did.
        window: What was asked for.
        interval: Of the bars.
    """
    expected = last_session(*window, interval)
    if expected is None or (newest is not None and newest.date() >= expected):
        return window[1]
    return newest + INTERVALS[interval] if newest is not None else window[0]
