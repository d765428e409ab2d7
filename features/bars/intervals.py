"""How long bars are: the intervals that can be used, and that of a frame by its spacing."""

from datetime import timedelta

import numpy as np
import polars as pl

from cluster.errors import DataError
from features.bars.sessions import count_sessions

INTERVALS = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
_SEVERAL = 1.5  # bars a day and symbol from which on bars are parts of a day
_DAY = 1440  # minutes


def interval_of(bars: pl.DataFrame) -> str:
    """The bar interval, such as `5m`, `1h`, `1d`, `1w`: the commonest spacing inside symbols.

    Where symbols have several bars a day, spacings within days count, else those from session to
    session: a Friday and a Monday are daily bars.

    Args:
        bars: `symbol` and `ts`, UTC, in any order.

    Raises:
        DataError: no symbol has two bars.
    """
    interval = commonest(intervals_of_symbols(bars))
    if not interval:
        raise DataError(
            "cannot tell the interval of the bars",
            "no symbol has two bars",
            "import a file with more bars",
        )
    return interval


def commonest(found: pl.DataFrame) -> str:
    """The interval of most bars, from `intervals_of_symbols`; "" where no symbol has two bars."""
    weights = found.group_by("interval").agg(pl.col("bars").sum(), pl.col("minutes").first())
    ranked = weights.sort("bars", "minutes", descending=[True, False])
    return str(ranked["interval"][0]) if ranked.height else ""


def intervals_of_symbols(bars: pl.DataFrame) -> pl.DataFrame:
    """Interval of each symbol that has two bars: `symbol`, `interval`, `minutes`, `bars`.

    Args:
        bars: `symbol` and `ts`, UTC, in any order.
    """
    rows = bars.select("symbol", "ts").sort("symbol", "ts")
    day = pl.col("ts").dt.date()
    rows = rows.with_columns(
        day=day,
        before=day.shift().over("symbol"),
        step=pl.col("ts").diff().over("symbol").dt.total_seconds() / 60,
        bars=pl.len().over("symbol"),
        parts=pl.len().over("symbol") >= _SEVERAL * day.n_unique().over("symbol"),
    ).filter(pl.col("step") > 0)
    within = rows.filter("parts", pl.col("day") == pl.col("before"))
    across = rows.filter(~pl.col("parts"), pl.col("day") != pl.col("before"))
    steps = pl.concat([within.select("symbol", "bars", "step"), _in_days(across)])
    usual = (
        steps.group_by("symbol", "step")
        .agg(pl.col("bars").first(), times=pl.len())
        .sort("symbol", "times", "step", descending=[False, True, False])
        .unique("symbol", keep="first", maintain_order=True)
        .with_columns(minutes=pl.col("step").round().clip(lower_bound=1).cast(pl.Int64))
    )
    names = pl.Series([_name(minutes) for minutes in usual["minutes"]], dtype=pl.String)
    return usual.select("symbol", names.alias("interval"), "minutes", "bars")


def _in_days(across: pl.DataFrame) -> pl.DataFrame:
    """Spacings as whole days, one day from a session to the next one: `symbol`, `bars`, `step`."""
    first, second = across["before"].to_numpy(), across["day"].to_numpy()
    calendar = (second - first).astype("timedelta64[D]").astype(np.int64)
    days = np.where(count_sessions(first, second) <= 1, 1, calendar)
    return across.select("symbol", "bars", step=pl.Series(days * float(_DAY), dtype=pl.Float64))


def _name(minutes: int) -> str:
    for unit, size in (("w", 7 * _DAY), ("d", _DAY), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
