"""Session bars, and how far each one moves against its own past, its market and its volume."""

import polars as pl

from features.bars.checks import dated_at_midnight
from features.bars.grid import naive_utc
from features.bars.sessions import OUTSIDE, session_dates, session_index
from features.quality.thresholds import Thresholds

_MAD = 1.4826  # standard deviation of a normal variable over its median absolute deviation
_VOLUME_WINDOW = 20  # sessions
_QUIET = 1e-4  # a move that is always usual
_AROUND = 10  # sessions before and after, for a lasting change of level


def bars_by_session(bars: pl.DataFrame, interval: str) -> pl.DataFrame:
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
        sessions: From `bars_by_session`.
        limits: Window, history and market size.

    Returns:
        The bars with `skipped` (sessions missing before the bar, null
        on days without a session), `move` and `gap` (log return
        close to close and close to open, less the market's median), `move_sigma` and `gap_sigma`
        (the same in sigma), `busy` (volume against its past and the market), `level` (volume after
        over before, lasting), `next_move` and `next_busy`.
    """
    number = pl.Series("number", session_index(naive_utc(sessions["ts"]), daily=True))
    own = sessions.with_columns(number.replace(OUTSIDE, None)).with_columns(
        skipped=pl.col("number").diff().over("symbol") - 1,
        ratio=pl.col("close").log().diff().over("symbol"),
        jump=(pl.col("open") / pl.col("close").shift().over("symbol")).log(),
        busy=pl.col("volume")
        / _past(pl.col("volume").rolling_median(_VOLUME_WINDOW, min_samples=5)),
    )
    moves = _against_market(own, limits).with_columns(
        move=pl.col("ratio") - pl.col("market_ratio").fill_null(0.0),
        gap=pl.col("jump") - pl.col("market_jump").fill_null(0.0),
        busy=pl.col("busy") / pl.col("market_busy").fill_null(1.0),
    )
    return _in_sigma(moves, limits).with_columns(
        level=_level_change(),
        next_move=pl.col("move").shift(-1).over("symbol"),
        next_busy=pl.col("busy").shift(-1).over("symbol"),
    )


def _against_market(own: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Add each session's median of `ratio`, `jump` and `busy`; null where the market is small."""
    medians = own.group_by("ts").agg(
        pl.len(), pl.col("ratio", "jump", "busy").median().name.prefix("market_")
    )
    market = medians.filter(pl.col("len") >= limits.market).drop("len")
    return own.join(market, on="ts", how="left", maintain_order="left")


def _in_sigma(moves: pl.DataFrame, limits: Thresholds) -> pl.DataFrame:
    """Add `move_sigma` and `gap_sigma`, null where a symbol has too little history."""
    sizes = moves.with_columns(pl.col("move", "gap").abs().name.suffix("_size"))
    spread = sizes.group_by("ts").agg(
        pl.len(), pl.col("move_size", "gap_size").median().name.suffix("_today")
    )
    spread = spread.filter(pl.col("len") >= limits.market).drop("len")
    size = pl.col("move_size", "gap_size")
    long = size.rolling_median(limits.window, min_samples=limits.min_history)
    short = size.rolling_median(limits.unrest, min_samples=limits.unrest)
    past = sizes.join(spread, on="ts", how="left", maintain_order="left").with_columns(
        _past(long).name.suffix("_long"), _past(short).name.suffix("_short")
    )
    return past.with_columns(_sigma("move"), _sigma("gap")).drop(
        pl.selectors.contains("_size", "market_")
    )


def _sigma(column: str) -> pl.Expr:
    known = [pl.col(f"{column}_size_{span}") for span in ("long", "short", "today")]
    sigma = _MAD * pl.max_horizontal(*known, pl.lit(_QUIET))
    judged = pl.when(pl.col(f"{column}_size_long").is_not_null())
    return judged.then(pl.col(f"{column}_size") / sigma).alias(f"{column}_sigma")


def _past(values: pl.Expr) -> pl.Expr:
    """What was known one bar before, within the symbol."""
    return values.shift().over("symbol")


def _level_change() -> pl.Expr:
    """Median volume of this and the next sessions over that of the sessions before."""
    median = pl.col("volume").rolling_median(_AROUND, min_samples=5)
    return (median.shift(1 - _AROUND) / median.shift()).over("symbol")
