"""`ploutos data check` and `ploutos data repair`: what is wrong with bars, and setting it aside."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, frame_table, reader_console, talk
from apps.commands.data.home_lake import home_lake, home_quarantine

if TYPE_CHECKING:
    import polars as pl

    from features import Lake
    from features.quality import QualityReport
    from features.quality.quarantine import Quarantine
    from features.quality.repair import RepairPlan

_SHOWN = ("symbol", "ts", "check", "level", "reason")
Source = Annotated[str | None, typer.Option(help="Only this series of the lake.")]


def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Bars to check; default: the lake.")
    ] = None,
    source: Source = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report here.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows printed for a reader.")] = 50,
    as_json: Json = False,
) -> None:
    """Give every symbol a verdict, with what was found; exit code 1 when one is BAD.

    Checks rules, gaps, stale runs, splits, units, spikes and false jumps, of a file or of the lake.

    Example: ploutos data check bars.parquet --report quality.html
    """
    reports = _lake_reports(source) if file is None else [_file_report(file)]
    if report is not None:
        _write_reports(reports, report)
    documents = [_document(found) for found in reports]
    whole = documents[0] if file is not None else {"verdict": _worst(reports), "parts": documents}

    def render(console: Console) -> None:
        for found in reports:
            _render(console, found, limit)

    emit(whole, as_json, render)
    if _worst(reports) == "BAD":
        talk(f"next: {_mending(file, reports)}")
        raise typer.Exit(1)


def _mending(file: Path | None, reports: "Sequence[QualityReport]") -> str:
    if file is None:
        return "ploutos data repair"
    broken = any(found.broken.height for found in reports)
    return f"ploutos data import {file}{' --drop-bad' if broken else ', then ploutos data repair'}"


def _file_report(file: Path) -> "QualityReport":
    from features.formats.read import read_table
    from features.quality import check_quality
    from features.quality.repair import known_actions

    actions, now = known_actions(home_lake()), datetime.now(UTC)
    return check_quality(read_table(file), origin=str(file), actions=actions, now=now)


def _lake_reports(source: str | None) -> "list[QualityReport]":
    from cluster.errors import DataError
    from features.quality.repair import check_lake

    lake = home_lake()
    found = [found for _, _, found in check_lake(lake, source=source, now=datetime.now(UTC))]
    if not found:
        of = f" of source {source}" if source else ""
        raise DataError(f"no bars{of} in the lake", str(lake.root), "ploutos data import FILE")
    return found


def _write_reports(reports: "Sequence[QualityReport]", path: Path) -> None:
    from features.quality.report import write_report

    made = f"Checked at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    for number, found in enumerate(reports):
        name = path if number == 0 else path.with_stem(f"{path.stem}-{number + 1}")
        talk(f"report of {found.origin}: {write_report(found, name, made=made)}")


def _worst(reports: "Sequence[QualityReport]") -> str:
    verdicts = {str(found.verdict) for found in reports}
    return next(level for level in ("BAD", "SUSPECT", "OK") if level in verdicts)


def _document(found: "QualityReport") -> dict[str, Any]:
    """One report as plain values; `defects` are the bars that break a rule, by row."""
    return {
        "origin": found.origin,
        "verdict": str(found.verdict),
        "interval": found.interval,
        "bars": found.rows,
        "bad": found.broken.height,
        "faults": list(found.faults),
        "verdicts": {str(level): count for level, count in found.counts().items()},
        "symbols": found.symbols.to_dicts(),
        "alarms": found.alarms.to_dicts(),
        "defects": found.broken.to_dicts(),
    }


def _render(console: Console, found: "QualityReport", limit: int) -> None:
    import polars as pl

    serious = found.alarms.filter(pl.col("level") != "NOTE").select(_SHOWN)
    if serious.height:
        console.print(frame_table(serious.head(limit)))
    if serious.height > limit:
        console.print(f"{serious.height - limit:,} alarms more (--limit, or --json for all)")
    for fault in found.faults:
        console.print(f"BAD  {fault}", markup=False)
    counts = ", ".join(f"{count:,} {level}" for level, count in found.counts().items())
    console.print(
        f"{found.origin}: {found.verdict} ({counts}); {found.broken.height:,} of "
        f"{found.rows:,} bars are bad",
        markup=False,
    )


def keep_rejected(bad: "pl.DataFrame", source: str) -> None:
    """Keep bars that an import leaves out, with the reason; says where.

    Raises:
        UsageError: the source is no plain name.
    """
    home_lake().folder("1d", source)  # refuses a source that is no plain name
    kept = home_quarantine().reject(bad, source=source, now=datetime.now(UTC))
    if kept is not None:
        talk(f"{bad.height} bad bars set aside, with the reason: {kept}")


def repair(
    source: Source = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Put bars back instead.")] = False,
    as_json: Json = False,
) -> None:
    """Set wrong bars of the lake aside, with the reason; prints the plan and asks first.

    They are kept as Parquet in PLOUTOS_HOME/lake-quarantine, and --restore puts them back. Files
    that cannot be read are moved there as they are.

    Example: ploutos data repair --source file
    """
    lake, quarantine = home_lake(), home_quarantine()
    if restore:
        document = _put_back(lake, quarantine, source, yes)
    else:
        document = _set_aside(lake, quarantine, source, yes)
    emit({**document, "quarantine": quarantine.root}, as_json)


def _put_back(
    lake: "Lake", quarantine: "Quarantine", source: str | None, yes: bool
) -> dict[str, Any]:
    batches = quarantine.batches(source)
    talk(f"{sum(batch.bars for batch in batches):,} bars would go back into the lake")
    if not batches or not agreed(yes):
        return {"restored": 0}
    return {"restored": sum(quarantine.restore(lake, batch) for batch in batches)}


def _set_aside(
    lake: "Lake", quarantine: "Quarantine", source: str | None, yes: bool
) -> dict[str, Any]:
    from features.quality.repair import damaged_files, plan_repair
    from features.quality.repair import repair as carry_out

    now = datetime.now(UTC)
    plans, damage = plan_repair(lake, source=source, now=now), damaged_files(lake, source=source)
    _talk_plan(plans)
    for path, fault in damage.items():
        talk(f"{path}: damaged, to be moved: {fault.why}")
    count, moved = 0, list[Path]()
    if (damage or any(plan.wrong.height for plan in plans)) and agreed(yes):
        moved = [quarantine.set_file_aside(lake, path, now=now) for path in damage]
        count = carry_out(lake, quarantine, plans, now=now)
    if moved:
        talk("next: ploutos data fetch SYMBOL or ploutos data import FILE brings the bars back")
    documents = [_plan_document(plan) for plan in plans]
    return {"plan": documents, "quarantined": count, "damaged": moved}


def talk_table(rows: "pl.DataFrame", title: str) -> None:
    """A table on stderr: a plan, before anybody is asked."""
    console = reader_console(stderr=True)
    console.print(frame_table(rows, title))


def _talk_plan(plans: "Sequence[RepairPlan]") -> None:
    """Say on stderr what would be done, and what would not help."""
    for plan in plans:
        name = f"{plan.interval} {plan.series}"
        if plan.wrong.height:
            talk_table(plan.wrong, f"{name}: {plan.wrong.height:,} to set aside")
        if plan.beyond.height:
            talk_table(plan.beyond.select(_SHOWN), f"{name}: not mended by setting bars aside")
            talk("next: fetch or import these symbols again, adjusted")
        if not plan.wrong.height and not plan.beyond.height:
            talk(f"{name}: nothing to repair")


def _plan_document(plan: "RepairPlan") -> dict[str, Any]:
    return {
        "interval": plan.interval,
        "source": plan.series,
        "verdict": str(plan.report.verdict),
        "wrong": plan.wrong.to_dicts(),
        "beyond": plan.beyond.select(_SHOWN).to_dicts(),
    }


def agreed(yes: bool) -> bool:
    """Ask on stderr; where nobody can answer, --yes is needed.

    Raises:
        UsageError: there is no terminal, and no --yes.
    """
    from cluster.errors import UsageError

    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nothing was changed", "there is no terminal to ask", "add --yes")
    return typer.confirm("Do it?", err=True)
