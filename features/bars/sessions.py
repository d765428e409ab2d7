"""Trading sessions of the New York Stock Exchange, by exchange_calendars' XNYS."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cluster.errors import DataError

FIRST_DATE = "1990-01-02"  # session number 0; fixed, so that a number never changes its meaning
SESSIONS_A_YEAR = 252  # for rates: a year has 250 to 253
OUTSIDE = -1  # session number of a time at which the exchange is closed

Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class _Schedule:
    dates: Dates  # (S,) datetime64[D]
    opens: Dates  # (S,) datetime64[us], UTC
    closes: Dates  # (S,) datetime64[us], UTC
    half_days: frozenset[date]


@cache
def _schedule() -> _Schedule:
    """Build the calendar once a process (about a second); it ends one year from today."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_DATE)
    times = calendar.schedule
    return _Schedule(
        dates=times.index.to_numpy().astype("datetime64[D]"),
        opens=times["open"].dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
        closes=times["close"].dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
        half_days=frozenset(day.date() for day in calendar.early_closes),
    )


def session_index(ts: Dates, *, daily: bool | None = None) -> NDArray[np.int64]:
    """Number of the session that each bar belongs to, -1 outside regular hours.

    A bar belongs to a session when it starts in [open, close); a daily bar belongs to the session
    of its UTC date. Number 0 is 1990-01-02.

    Args:
        ts: (N,) datetime64, UTC, bar open times in any order.
        daily: Whether they are daily bars; None: they are when all start at midnight UTC. (Some
            hourly bars do too: after-hours trading at 19:00 or 20:00 New York.)

    Returns:
        (N,) i64.

    Raises:
        DataError: a time outside the calendar (1990 to one year from today).
    """
    schedule = _schedule()
    times = np.asarray(ts).astype("datetime64[us]")
    _refuse_outside(times)
    days = times.astype("datetime64[D]")
    if (times == days).all() if daily is None else daily:
        index = np.searchsorted(schedule.dates, days)  # within: no day is after the last one
        inside = schedule.dates[index] == days
    else:
        index = np.searchsorted(schedule.opens, times, side="right") - 1
        inside = (index >= 0) & (times < schedule.closes[index])
    return np.where(inside, index, OUTSIDE).astype(np.int64)


def session_dates(sessions: NDArray[np.int64]) -> Dates:
    """Dates, (N,) datetime64[D], of session numbers, (N,) i64.

    Raises:
        DataError: a number that is no session.
    """
    dates = _schedule().dates
    numbers = np.asarray(sessions)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= len(dates)):
        wrong = numbers[(numbers < 0) | (numbers >= len(dates))][0]
        raise DataError(f"there is no session {wrong}", f"known: 0 to {len(dates) - 1}")
    return dates[numbers]


def session_times(sessions: NDArray[np.int64]) -> tuple[Dates, Dates]:
    """Opening and closing times, each (N,) datetime64[us] UTC, of session numbers, (N,) i64."""
    session_dates(sessions)
    return _schedule().opens[sessions], _schedule().closes[sessions]


def sessions_from(start: date, count: int) -> NDArray[np.int64]:
    """Numbers, (count,) i64, of the first `count` sessions on or after `start`.

    Raises:
        DataError: the calendar does not reach that far.
    """
    dates = _schedule().dates
    first = int(np.searchsorted(dates, np.datetime64(start)))
    if np.datetime64(start) < dates[0] or first + count > len(dates):
        raise DataError(
            f"cannot take {count} sessions from {start}",
            f"the exchange calendar goes from {dates[0]} to {dates[-1]}",
            f"start earlier, or take at most {max(0, len(dates) - first)} sessions",
        )
    return np.arange(first, first + count, dtype=np.int64)


def sessions_between(start: date, end: date) -> NDArray[np.int64]:
    """Numbers of all sessions with `start` <= date <= `end`."""
    _refuse_outside(np.array([start, end], dtype="datetime64[us]"))
    low, high = np.searchsorted(_schedule().dates, [np.datetime64(start), np.datetime64(end) + 1])
    return np.arange(low, high, dtype=np.int64)


def count_sessions(after: Dates, until: Dates) -> NDArray[np.int64]:
    """How many sessions lie in (after, until]; (N,) i64, none outside the calendar."""
    low, high = (np.searchsorted(_schedule().dates, days, side="right") for days in (after, until))
    return high - low


def last_date() -> date:
    """The last session that the calendar knows, about a year from today."""
    last: date = _schedule().dates[-1].astype(date)
    return last


def is_session(day: date) -> bool:
    """Whether the exchange opens on that date."""
    return _find(day) != OUTSIDE


def is_half_day(day: date) -> bool:
    """Whether that date is a session that closes early (13:00 New York)."""
    return is_session(day) and day in _schedule().half_days


def midnight(day: date) -> datetime:
    """The start of a date, UTC: the time of a daily bar."""
    return datetime.combine(day, time(), tzinfo=UTC)


def session_close(day: date) -> datetime:
    """Closing time, UTC, of the session of that date; early on half days.

    Raises:
        DataError: the exchange is closed on that date.
    """
    return _clock(_schedule().closes[_number_of(day)])


def _number_of(day: date) -> int:
    number = _find(day)
    if number == OUTSIDE:
        raise DataError(f"{day} is not a session", "the New York Stock Exchange is closed then")
    return number


def _find(day: date) -> int:
    return int(session_index(np.array([day], dtype="datetime64[us]"), daily=True)[0])


def _clock(moment: np.datetime64) -> datetime:
    naive: datetime = moment.astype(datetime)
    return naive.replace(tzinfo=UTC)


def _refuse_outside(times: Dates) -> None:
    dates = _schedule().dates
    days = times.astype("datetime64[D]")
    outside = np.isnat(days) | (days < dates[0]) | (days > dates[-1])
    if outside.any():
        raise DataError(
            f"{days[outside][0]} is outside the exchange calendar",
            f"it goes from {dates[0]} to {dates[-1]}",
            "shorten the window",
        )
