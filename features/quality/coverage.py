"""What a series covers: gaps against the calendar, cut ends, the session, and adjusted prices."""

import numpy as np
import polars as pl

from features.bars.grid import naive_utc
from features.bars.sessions import OUTSIDE, session_index, session_times
from features.bars.summary import BarsSummary
from features.quality.alarms import Level, no_alarms, raised
from features.quality.thresholds import Thresholds

_CENT = 0.01  # USD
_ON_GRID = 2e-5  # USD, and the rounding of a float32 price beside it
_ULP = 6e-8


def coverage(sessions: pl.DataFrame, summary: BarsSummary) -> pl.DataFrame:
    """A row a symbol: `symbol`, `bars`, `first`, `last`, `gaps`, `gap_run`, `outside`, `cut`.

    `gap_run` is the longest run of missing sessions. `cut` says that the series ends before the
    others do: whether it was delisted or cut off cannot be told from bars.

    Args:
        sessions: One bar a symbol and session.
        summary: Of the bars that they are made from.
    """
    day = pl.Series("day", session_index(naive_utc(sessions["ts"]), daily=True))
    known = sessions.select("symbol", day).filter(pl.col("day") != OUTSIDE)
    runs = known.group_by("symbol").agg(gap_run=(pl.col("day").diff() - 1).max().fill_null(0))
    last = sessions["ts"].max()
    ends = sessions.group_by("symbol").agg(cut=pl.col("ts").max() < last)
    return (
        summary.per_symbol.select("symbol", "bars", "gaps", "outside", first="start", last="end")
        .join(runs, on="symbol", how="left", maintain_order="left")
        .join(ends, on="symbol", how="left", maintain_order="left")
        .with_columns(pl.col("gap_run").fill_null(0))
    )


def find_outside(covered: pl.DataFrame) -> pl.DataFrame:
    """One alarm a symbol without a single bar in any session: its clock or its dates are wrong."""
    reason = pl.format(
        "none of its {} bars starts in a session of the exchange: wrong clock or dates", "bars"
    )
    found = covered.filter(pl.col("outside") == pl.col("bars")).with_columns(ts="first")
    return raised(found, "session", Level.BAD, reason)


def find_gaps(covered: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """One alarm a symbol that lacks too many bars, or too many sessions in a row."""
    expected = pl.col("bars") - pl.col("outside") + pl.col("gaps")
    found = covered.filter(
        (pl.col("gaps") > limits.gap_share * expected) | (pl.col("gap_run") >= limits.gap_run)
    ).with_columns(ts="first")
    reason = pl.format("{} bars are missing, at most {} sessions in a row", "gaps", "gap_run")
    return raised(found, "gap", Level.SUSPECT, reason)


def find_cut(covered: pl.DataFrame) -> pl.DataFrame:
    """One alarm a symbol whose series ends before the file does."""
    reason = pl.lit("the series ends before the others: delisted, or cut when it left an index")
    found = covered.filter("cut").with_columns(ts="last")
    return raised(found, "ends early", Level.NOTE, reason)


def on_cents(sessions: pl.DataFrame) -> pl.DataFrame:
    """`symbol` and `cents`: the share of closes that are whole cents, as all traded prices are.

    Prices adjusted for dividends are not; their close times volume is not the dollar volume.
    """
    close = pl.col("close")
    off = (close - (close / _CENT).round() * _CENT).abs()
    return sessions.group_by("symbol").agg(cents=(off <= _ON_GRID + _ULP * close).mean())


def find_adjusted(cents: pl.DataFrame, covered: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """One alarm a symbol whose prices are adjusted; `cents` is from `on_cents`."""
    reason = pl.format(
        "only {} % of the closes are whole cents: they are adjusted, or no traded prices; close "
        "times volume is not dollar volume",
        (pl.col("cents") * 100).round(0).cast(pl.Int64),
    )
    found = cents.filter(pl.col("cents") < limits.cent_share)
    found = found.join(covered.select("symbol", ts="first"), on="symbol")
    return raised(found, "adjusted", Level.NOTE, reason)


def find_straddling(bars: pl.DataFrame, interval: str, minutes: int) -> pl.DataFrame:
    """One alarm a symbol with bars that start before the open and end after it.

    Their first minutes are pre-market trading, so the opening price is not the session's.
    """
    ts = naive_utc(bars["ts"])
    end = ts + np.timedelta64(minutes, "m")
    session = session_index(end - np.timedelta64(1, "us"), daily=False)
    opens = np.full(len(ts), np.datetime64("NaT", "us"))
    inside = session != OUTSIDE
    opens[inside] = session_times(session[inside])[0]
    mixed = inside & (ts < opens)  # false where the time is no session's
    if not mixed.any():
        return no_alarms()
    found = bars.filter(pl.Series(mixed)).group_by("symbol").agg(pl.col("ts").min(), count=pl.len())
    text = "bars of {} start before the open and end after it: their open is pre-market".replace(
        "{}", interval
    )
    return raised(found, "straddles", Level.NOTE, pl.format(f"{{}} {text}", "count"))
