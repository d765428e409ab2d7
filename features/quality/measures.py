"""Session bars, and how far each one moves against its own past, its market and its volume."""

import polars as pl

from features.bars import dated_at_midnight
from features.grid import naive_utc
from features.quality.thresholds import Thresholds
from features.sessions import OUTSIDE, session_dates, session_index

_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation
_VOLUME_WINDOW = 20  # sessions
_AROUND = 10  # sessions before and after, for a lasting change of level


def session_bars(bars: pl.DataFrame, interval: str) -> pl.DataFrame:
    """One bar a symbol and session, `ts` midnight UTC of its date, sorted by (symbol, ts)."""
    if interval[-1] in "dw":
        return dated_at_midnight(bars)
    session = session_index(naive_utc(bars["ts"]), daily=False)
    inside = bars.with_columns(session=session).filter(pl.col("session") != OUTSIDE)
    whole = (
        inside.group_by("symbol", "session", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
        .sort("symbol", "session")
    )
    dates = pl.Series("ts", session_dates(whole["session"].to_numpy())).cast(pl.Datetime("us"))
    return whole.with_columns(dates.dt.replace_time_zone("UTC")).drop("session")


def measure(sessions: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Add what the jump checks look at; null where there is too little history.

    Args:
        sessions: From `session_bars`.
        limits: Window, history and market size.

    Returns:
        The bars with `skipped` (sessions missing before the bar), `move` and `gap` (log return
        close to close and close to open, less the market's median), `move_sigma` and `gap_sigma`
        (the same in sigma), `busy` (volume against its past and the market), `level` (volume after
        over before, lasting), `next_move` and `next_busy`.
    """
    days = sessions["ts"].unique().sort()
    numbers = pl.DataFrame({"ts": days, "day": range(len(days))})
    moves = sessions.join(numbers, on="ts", how="left", maintain_order="left").with_columns(
        skipped=pl.col("day").diff().over("symbol") - 1,
        ratio=pl.col("close").log().diff().over("symbol"),
        jump=(pl.col("open") / pl.col("close").shift().over("symbol")).log(),
        usual=_past(pl.col("volume").rolling_median(_VOLUME_WINDOW, min_samples=5)),
    )
    enough = pl.len().over("ts") >= limits.market
    moves = moves.with_columns(
        busy=pl.col("volume") / pl.col("usual"),
        move=pl.col("ratio") - _of_market("ratio", enough, 0.0),
        gap=pl.col("jump") - _of_market("jump", enough, 0.0),
    )
    return (
        _in_sigma(moves, enough, limits)
        .with_columns(
            busy=pl.col("busy") / _of_market("busy", enough, 1.0),
            level=_level_change(),
            next_move=pl.col("move").shift(-1).over("symbol"),
        )
        .with_columns(next_busy=pl.col("busy").shift(-1).over("symbol"))
    )


def _in_sigma(moves: pl.DataFrame, enough: pl.Expr, limits: Thresholds) -> pl.DataFrame:
    def sigma(column: str) -> pl.Expr:
        size = pl.col(column).abs()
        long = size.rolling_median(limits.window, min_samples=limits.min_history)
        short = size.rolling_median(limits.unrest, min_samples=limits.unrest)
        own = _past(pl.max_horizontal(long, short) + 0 * long) * _MAD
        today = pl.when(enough).then(size.median().over("ts") * _MAD)
        return pl.max_horizontal(own, today, pl.lit(1e-4)) + own * 0  # null without a past

    return moves.with_columns(
        move_sigma=pl.col("move").abs() / sigma("move"),
        gap_sigma=pl.col("gap").abs() / sigma("gap"),
    )


def _past(values: pl.Expr) -> pl.Expr:
    """What was known one bar before, within the symbol."""
    return values.shift().over("symbol")


def _of_market(column: str, enough: pl.Expr, alone: float) -> pl.Expr:
    return pl.when(enough).then(pl.col(column).median().over("ts")).otherwise(alone)


def _level_change() -> pl.Expr:
    """Median volume of this and the next sessions over that of the sessions before."""
    median = pl.col("volume").rolling_median(_AROUND, min_samples=5)
    after = median.shift(1 - _AROUND)
    return (after / median.shift()).over("symbol")
