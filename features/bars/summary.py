"""What a set of bars holds, and what it lacks against the exchange calendar."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cluster.errors import DataError
from features.bars.checks import dated_at_midnight, interval_of
from features.bars.grid import naive_utc
from features.bars.sessions import OUTSIDE, session_dates, session_index, session_times

_MINUTES = {"m": 1, "h": 60, "d": 1440}


@dataclass(frozen=True, eq=False)
class BarsSummary:
    """Symbols, span and gaps of a set of bars."""

    symbols: tuple[str, ...]
    bars: int
    start: datetime  # UTC, open of the first bar
    end: datetime  # UTC, open of the last bar
    interval: str
    gaps: int  # bars that the sessions between a symbol's first and last bar lack, all symbols
    outside: int  # bars that start outside regular hours, which the feature table leaves out
    per_symbol: pl.DataFrame  # symbol, bars, start, end, gaps, outside


def summarise(bars: pl.DataFrame) -> BarsSummary:
    """Count bars, and those missing: every bar of a session from a symbol's first to its last.

    Bars are expected at the interval's steps, at the minute at which most of them are.

    Args:
        bars: `BAR_SCHEMA`, a day or less each.

    Raises:
        DataError: weekly or longer bars; a time outside the exchange calendar.
    """
    interval = interval_of(bars)
    if interval[-1] not in _MINUTES:
        raise DataError(f"cannot summarise bars of {interval}", "they are longer than a day")
    if interval == "1d":
        bars = dated_at_midnight(bars)
    ts = naive_utc(bars["ts"])
    session = session_index(ts, daily=interval == "1d")
    inside = session != OUTSIDE
    expected = expected_times(ts[inside], session[inside], interval)
    met = np.isin(ts, expected)
    per_symbol = _per_symbol(bars.with_columns(inside=inside, met=met), expected)
    return BarsSummary(
        symbols=tuple(per_symbol["symbol"]),
        bars=bars.height,
        start=per_symbol["start"].min(),  # type: ignore[arg-type]
        end=per_symbol["end"].max(),  # type: ignore[arg-type]
        interval=interval,
        gaps=int(per_symbol["gaps"].sum()),
        outside=int(per_symbol["outside"].sum()),
        per_symbol=per_symbol,
    )


def _per_symbol(bars: pl.DataFrame, expected: NDArray[np.datetime64]) -> pl.DataFrame:
    counted = (
        bars.group_by("symbol")
        .agg(
            bars=pl.len(),
            start=pl.col("ts").min(),
            end=pl.col("ts").max(),
            met=pl.col("met").sum(),
            outside=(~pl.col("inside")).sum(),
        )
        .sort("symbol")
    )
    last = np.searchsorted(expected, naive_utc(counted["end"]), side="right")
    due = last - np.searchsorted(expected, naive_utc(counted["start"]))
    gaps = due - counted["met"].to_numpy().astype(np.int64)
    return counted.select("symbol", "bars", "start", "end", pl.Series("gaps", gaps), "outside")


def expected_times(
    ts: NDArray[np.datetime64], session: NDArray[np.int64], interval: str
) -> NDArray[np.datetime64]:
    """Sorted bar times, (N,) datetime64[us], of every session from the first to the last."""
    if not len(ts):
        return ts
    sessions = np.arange(session.min(), session.max() + 1)
    if interval == "1d":
        return session_dates(sessions).astype("datetime64[us]")
    step = np.timedelta64(int(interval[:-1]) * _MINUTES[interval[-1]], "m")
    midnight = ts.astype("datetime64[D]")
    phases, counts = np.unique((ts - midnight) % step, return_counts=True)
    opens, closes = session_times(sessions)
    begin = opens + (phases[np.argmax(counts)] - (opens - opens.astype("datetime64[D]"))) % step
    bars = -((begin - closes) // step)  # (S,) rounded up
    number = np.arange(bars.sum()) - np.repeat(np.cumsum(bars) - bars, bars)
    times: NDArray[np.datetime64] = np.repeat(begin, bars) + number * step
    return times
