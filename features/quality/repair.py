"""What a repair of the lake would do: which bars it sets aside, and what it cannot mend."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from features.bars.schema import BAR_COLUMNS
from features.lake.actions import STORED_SCHEMA, ActionStore, read_actions
from features.lake.blocks import KEY, refuse_damaged, scan_blocks
from features.lake.lake import Lake
from features.quality.alarms import Level
from features.quality.check import QualityReport, check_quality
from features.quality.quarantine import Quarantine

_NO_ACTIONS = pl.DataFrame(schema=STORED_SCHEMA)


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

    A block that cannot be read is a fault of its series, whose other bars are checked.
    """
    damage = damaged_files(lake, source=source)
    known = known_actions(lake)
    for interval, series, blocks in lake.parts():
        if source not in (None, series):
            continue
        bars = scan_blocks(block for block in blocks if block not in damage)
        report = check_quality(
            bars.sort(KEY).select(BAR_COLUMNS).collect(),
            origin=f"lake {interval} {series}",
            interval=interval,
            actions=known,
            now=now,
        )
        own = {*blocks, *ActionStore(lake.root).files()}
        faults = [f"{error.what}: {error.why}" for path, error in damage.items() if path in own]
        yield interval, series, replace(report, faults=(*report.faults, *faults))


def known_actions(lake: Lake) -> pl.DataFrame:
    """Corporate actions as `check_quality` takes them, of all files that can be read."""
    found = [_NO_ACTIONS]
    for path in ActionStore(lake.root).files():
        with suppress(DataError):  # `damaged_files` names it
            found.append(read_actions(path))
    return pl.concat(found)


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


def damaged_files(lake: Lake, *, source: str | None = None) -> dict[Path, DataError]:
    """Blocks of the lake, or of one source, and files of corporate actions that are damaged."""
    blocks = [b for _, series, blocks in lake.parts() if source in (None, series) for b in blocks]
    readers = dict.fromkeys(blocks, refuse_damaged) | dict.fromkeys(
        ActionStore(lake.root).files(), read_actions
    )
    found = {}
    for path, reader in readers.items():
        try:
            reader(path)
        except DataError as fault:
            found[path] = fault
    return found


def repair(lake: Lake, quarantine: Quarantine, plans: list[RepairPlan], *, now: datetime) -> int:
    """Set aside what the plans say; returns how many bars."""
    return sum(
        quarantine.set_aside(lake, plan.wrong, interval=plan.interval, series=plan.series, now=now)
        for plan in plans
        if plan.wrong.height
    )
