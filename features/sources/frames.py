"""Vendors' rows as frames of bars."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from features.bars.schema import BAR_SCHEMA
from features.bars.sessions import sessions_between
from features.sources.http.errors import BrokenOff, NotEntitled, NotServed, SourceDown

Row = tuple[str, Any, Any, Any, Any, Any, Any]  # in the order of BAR_COLUMNS
_LATEST = 1e13  # milliseconds since 1970: the year 2286


def frame_of(rows: Iterable[Sequence[Any]], *, unit: str | None = None) -> pl.DataFrame:
    """Rows as bars of `BAR_SCHEMA`; what is no number becomes null, for the checks to find.

    Args:
        rows: In the order of `BAR_COLUMNS`.
        unit: Of times that are numbers since 1970 (`ms`, `s`); None: they are ISO 8601 text, UTC.
    """
    read: dict[str, pl.DataType] = {column: pl.Float64() for column in BAR_SCHEMA}
    read |= {"symbol": pl.String(), "ts": pl.Int64() if unit else pl.String()}
    when = _whole if unit else _text
    plain = [(_text(symbol), when(ts), *map(number, values)) for symbol, ts, *values in rows]
    frame = pl.DataFrame(plain, schema=read, orient="row")
    ts = pl.col("ts")
    if unit is None:
        time = ts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
    else:
        time = pl.from_epoch(ts, time_unit="ms" if unit == "ms" else "s").cast(pl.Datetime("us"))
    return frame.with_columns(time.dt.replace_time_zone("UTC"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """A vendor's number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # a number of 400 digits
        return None


def _whole(value: Any) -> int | None:
    """A time of a year that there is."""
    moment = number(value)
    return int(moment) if moment is not None and 0 <= moment < _LATEST else None


def sessions_in(start: datetime, end: datetime) -> int:
    """How many sessions the window [start, end) touches."""
    return len(sessions_between(start.date(), (end - timedelta(microseconds=1)).date()))


def one_by_one(
    symbols: Sequence[str], fetch_one: Callable[[str], pl.DataFrame]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Ask for one symbol after the other; what some of them lack does not cost the others theirs.

    Returns:
        The bars of all that were answered, and why of those that were not, or in part.

    Raises:
        SourceDown: for the very first symbol, or any error that is no `NotServed`.
        NotServed: there is only one symbol, and it is not served; `NotEntitled` for any.
    """
    frames: list[pl.DataFrame] = []
    missing: dict[str, str] = {}
    for symbol in symbols:
        try:
            frames.append(fetch_one(symbol))
        except NotEntitled:
            raise
        except NotServed as failure:
            if len(symbols) == 1:
                raise
            missing[symbol] = failure.why
        except BrokenOff as failure:
            frames.append(failure.came)
            missing[symbol] = failure.why
        except SourceDown as failure:
            if not frames and not missing:
                raise
            missing[symbol] = failure.why
    return pl.concat([frame_of([]), *frames]), missing
