"""Time of the session: where in the New York trading day the bar opens."""

from math import pi

import polars as pl

from features.formulas.column import column, quantity

FAMILY = "session"
OPEN_MINUTE, CLOSE_MINUTE = 9 * 60 + 30, 16 * 60  # of a regular session, New York


@quantity
def session_share() -> pl.Expr:
    """Share of a regular session that is over when the bar opens; 1 after it, and for daily bars.

    A half day ends before 1: the clock is that of every other day.
    """
    local = pl.col("ts").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone("America/New_York")
    minute = local.dt.hour().cast(pl.Float64) * 60.0 + local.dt.minute()
    return ((minute - OPEN_MINUTE) / (CLOSE_MINUTE - OPEN_MINUTE)).clip(0.0, 1.0)


@column(FAMILY, warmup=0)
def session_sine() -> pl.Expr:
    """sin(2 pi s), s the share of the session 09:30 to 16:00 New York over when the bar opens."""
    return (2.0 * pi * session_share()).sin().round(12)


@column(FAMILY, warmup=0)
def session_cosine() -> pl.Expr:
    """cos(2 pi s), the same s; daily bars have sine 0 and cosine 1."""
    return (2.0 * pi * session_share()).cos().round(12)
