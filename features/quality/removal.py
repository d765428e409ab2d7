"""Taking symbols or whole series out of the lake, so that they can be put back."""

from collections.abc import Collection
from datetime import datetime

import polars as pl

from features.lake.lake import Lake
from features.quality.quarantine import Quarantine

REASON = "removed by hand"


def plan_removal(
    lake: Lake,
    symbols: Collection[str] | None = None,
    *,
    series: str | None = None,
    interval: str | None = None,
) -> pl.DataFrame:
    """What would go, a row an interval, series and symbol, as `Lake.status` has them.

    Args:
        lake: Nothing in it is touched.
        symbols: Which, in their one spelling; all when None.
        series: Only this one.
        interval: Only this one.
    """
    plan = lake.status(by_symbol=True)
    if symbols is not None:
        plan = plan.filter(pl.col("symbol").is_in(list(symbols)))
    if series is not None:
        plan = plan.filter(pl.col("source") == series)
    if interval is not None:
        plan = plan.filter(pl.col("interval") == interval)
    return plan


def remove_bars(lake: Lake, quarantine: Quarantine, plan: pl.DataFrame, *, now: datetime) -> int:
    """Move the bars of a plan into the quarantine; returns how many.

    A crash leaves every series as it was or without these bars, and loses none.

    Args:
        lake: That the plan is of.
        quarantine: Where the bars go.
        plan: From `plan_removal`.
        now: UTC, written beside them.
    """
    removed = 0
    for (interval, series), part in plan.partition_by(
        ["interval", "source"], as_dict=True, maintain_order=True
    ).items():
        bars = lake.scan(str(interval), source=str(series), symbols=part["symbol"])
        wrong = bars.select("symbol", "ts", reason=pl.lit(REASON)).collect()
        removed += quarantine.set_aside(
            lake, wrong, interval=str(interval), series=str(series), now=now
        )
    return removed
