"""What a repair of the lake would do: which bars it sets aside, and what it cannot mend."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.bars.schema import BAR_COLUMNS
from features.lake.lake import Lake
from features.quality.alarms import Level
from features.quality.check import QualityReport, check_quality
from features.quality.quarantine import Quarantine


@dataclass(frozen=True, eq=False)
class RepairPlan:
    """One series of the lake: its report, the bars to set aside, and what no repair mends."""

    interval: str
    series: str
    report: QualityReport
    wrong: pl.DataFrame  # symbol, ts, check, reason
    beyond: pl.DataFrame  # alarms that setting a bar aside would not mend


def check_lake(
    lake: Lake, *, source: str | None = None, now: datetime | None = None
) -> Iterator[tuple[str, str, QualityReport]]:
    """Interval, series and report of every series of the lake; of one source when given.

    Raises:
        DataError: a block is damaged.
    """
    status = lake.status()
    for row in status.iter_rows(named=True):
        if source is None or row["source"] == source:
            interval, series = row["interval"], row["source"]
            bars = lake.scan(interval, source=series).select(BAR_COLUMNS).collect()
            origin = f"lake {interval} {series}"
            yield interval, series, check_quality(bars, origin=origin, now=now)


def plan_repair(
    lake: Lake, *, source: str | None = None, now: datetime | None = None
) -> list[RepairPlan]:
    """What a repair would do, series by series; nothing is touched."""
    plans = []
    for interval, series, report in check_lake(lake, source=source, now=now):
        serious = report.alarms.filter(pl.col("level") != Level.NOTE)
        wrong = serious.filter("wrong").select("symbol", "ts", "check", "reason")
        beyond = serious.filter(~pl.col("wrong"))
        plans.append(RepairPlan(interval, series, report, wrong, beyond))
    return plans


def repair(lake: Lake, quarantine: Quarantine, plans: list[RepairPlan], *, now: datetime) -> int:
    """Set aside what the plans say; returns how many bars."""
    return sum(
        quarantine.set_aside(lake, plan.wrong, interval=plan.interval, series=plan.series, now=now)
        for plan in plans
        if plan.wrong.height
    )
