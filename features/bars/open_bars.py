"""Bars that cannot be there yet: of the future, or of a period that is not over."""

from datetime import datetime, timedelta

import polars as pl

from features.bars.sessions import is_session, session_close

RECENT = timedelta(days=8)  # longer than any bar
_STEPS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def end_of_bar(ts: datetime, interval: str) -> datetime:
    """When a bar that opens at `ts` (UTC) is over: by its interval, or as its session closes."""
    unit = interval[-1]
    if unit == "w":
        return ts + 7 * int(interval[:-1]) * _STEPS["d"]
    end = ts + int(interval[:-1]) * _STEPS[unit]
    day = ts.date()
    if not is_session(day):
        return end
    close = session_close(day)
    return close if unit == "d" or ts < close < end else end


def not_yet(rows: pl.DataFrame, interval: str | None, now: datetime) -> pl.Expr:
    """Column of text: why a bar cannot be there at `now`, null for all others.

    Args:
        rows: With a column `ts`, which may have nulls.
        interval: Of the bars; None when it is not known, and then only the future is judged.
        now: UTC.
    """
    future = pl.format("opens in the future (now {} UTC)", pl.lit(f"{now:%Y-%m-%d %H:%M}"))
    open_bars = _unfinished(rows, interval, now)
    unfinished = pl.lit("is not finished: its period ends after now")
    return (
        pl.when(pl.col("ts") > now)
        .then(future)
        .when(pl.col("ts").is_in(open_bars.implode()))
        .then(unfinished)
    )


def _unfinished(rows: pl.DataFrame, interval: str | None, now: datetime) -> pl.Series:
    recent = rows.filter(pl.col("ts") <= now, pl.col("ts") > now - RECENT)["ts"].unique()
    if interval is None:
        return recent.clear()
    open_bars = [ts for ts in recent if end_of_bar(ts, interval) > now]
    return pl.Series("ts", open_bars, dtype=recent.dtype)
