"""Daily bars by their date, and the row of a session that was not over when it was downloaded."""

import polars as pl

from features.bars.sessions import is_session, session_close

_HOUR = 3600  # by which a zone's clocks move
_DAY = 24 * _HOUR


def dated(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of daily bars with midnight UTC of their date as time.

    A row that is stamped at another time of day than most is the last price of a session: it
    stands for its day when the session was over by then and the day has no other row. Else it
    keeps its time, and `unreadable` says why.

    Args:
        rows: `symbol`, `ts` and `unreadable`.
    """
    clock = pl.col("ts").dt.truncate("1d")
    second = (pl.col("ts") - clock).dt.total_seconds()
    if rows.select((second == 0).all()).item():
        return rows
    usual = rows.select(second.drop_nulls().mode().min()).item()
    off = (second - usual) % _DAY
    odd = ((off % _HOUR) != 0) | off.is_between(2 * _HOUR, _DAY - 2 * _HOUR)
    rows = rows.with_columns(odd=odd.fill_null(value=False), day=clock)
    whole = rows.filter(~pl.col("odd")).select("symbol", "day", whole=True).unique()
    rows = rows.join(whole, on=["symbol", "day"], how="left", maintain_order="left")
    over = pl.Series([not odd or _over(ts) for odd, ts in rows.select("odd", "ts").iter_rows()])
    live = pl.col("odd") & (pl.col("whole").fill_null(value=False) | ~pl.lit(over))
    why = pl.format(
        "is stamped {}, and the other days are at {}: no bar of a whole session",
        pl.col("ts").dt.strftime("%H:%M:%S"),
        pl.lit(f"{usual // _HOUR:02}:{usual % _HOUR // 60:02}:{usual % 60:02}"),
    )
    return rows.with_columns(
        ts=pl.when(live).then("ts").otherwise("day"),
        unreadable=pl.coalesce("unreadable", pl.when(live).then(why)),
    ).drop("odd", "day", "whole")


def _over(ts) -> bool:  # type: ignore[no-untyped-def]
    """Whether the session of its date is over at this time."""
    return ts is not None and not (is_session(ts.date()) and ts < session_close(ts.date()))
