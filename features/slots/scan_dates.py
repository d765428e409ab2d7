"""When the universe is scanned again: before the first session of every calendar month."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.bars.sessions import midnight, session_dates, sessions_between

_REACH_DAYS = 14  # no stretch without a session is longer (2001-09 had 6 days)


@dataclass(frozen=True)
class Rescan:
    """A scan and the sessions it is in force for.

    Attributes:
        as_of: The last session before `first`: the last day the scan may know.
        first: First session it is in force.
        last: Last session it is in force.
    """

    as_of: date
    first: date
    last: date


def rescans(start: date, end: date, *, months: int = 1) -> tuple[Rescan, ...]:
    """Split the sessions from `start` to `end`, both included, by calendar month.

    Args:
        start: First day; the first scan is in force from its first session.
        end: Last day.
        months: 1: by month; 3: by quarter; 12: by year.

    Raises:
        DataError: a day outside the exchange calendar.
    """
    reach = sessions_between(start - timedelta(days=_REACH_DAYS), end)
    dates = [day.item() for day in session_dates(reach)]
    inside = [i for i, day in enumerate(dates) if day >= start]
    periods = [(dates[i].year * 12 + dates[i].month - 1) // months for i in inside]
    firsts = [i for i, new in zip(inside, np.diff(periods, prepend=-1) != 0, strict=True) if new]
    lasts = [i - 1 for i in firsts[1:]] + inside[-1:]
    return tuple(
        Rescan(dates[first - 1], dates[first], dates[last])
        for first, last in zip(firsts, lasts, strict=True)
    )


def sessions_until(as_of: date, count: int) -> list[date]:
    """Dates of the last `count` sessions on or before `as_of`, oldest first.

    Raises:
        DataError: a day outside the exchange calendar.
    """
    start = as_of - timedelta(days=2 * count + _REACH_DAYS)
    return [day.item() for day in session_dates(sessions_between(start, as_of)[-count:])]


def bars_between(bars: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Daily bars, sorted by ts, from `first` to `last`, both included."""
    low, high = (
        bars["ts"].search_sorted(midnight(day)) for day in (first, last + timedelta(days=1))
    )
    return bars.slice(low, high - low)
