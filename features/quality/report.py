"""The quality report as one HTML file with everything inside."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from cluster.files import write_atomic
from cluster.html.page import (
    Banner,
    Card,
    Cards,
    Cell,
    Chart,
    Facts,
    Note,
    Page,
    Part,
    Section,
    Table,
    Tile,
    Tiles,
    render,
)
from cluster.html.wording import readable
from features.quality.alarms import TONE_OF, Level
from features.quality.charts import draw_alarm, draw_coverage, draw_moves
from features.quality.check import QualityReport

MAX_CARDS = 18  # alarms that are drawn
MAX_ROWS = 2000  # rows of a table
_DRAWN = ("split", "unit", "jump", "spike", "stale", "gap")


def write_report(report: QualityReport, path: Path, *, made: str = "") -> Path:
    """Write the report of a check.

    Args:
        report: What was found.
        path: The file; it is replaced atomically.
        made: When the check was made, as text.

    Raises:
        PloutosError: the disk is full, read-only or forbidden.
    """
    write_atomic(path, render(report_page(report, made=made)).encode())
    return path


def report_page(report: QualityReport, *, made: str = "") -> Page:
    """The report as a value: what is worst first, and nothing where there is nothing to say."""
    parts: list[Part] = [
        _tiles(report),
        *_faults(report),
        *_cards(report),
        *_moves(report),
        _alarms(report),
        *_coverage(report),
        _symbols(report),
        *_notes(report),
        _thresholds(report),
    ]
    return Page(f"Data quality: {report.origin}", _banner(report), parts, footer=made)


def _serious(report: QualityReport) -> pl.DataFrame:
    return report.alarms.filter(pl.col("level") != Level.NOTE)


def _banner(report: QualityReport) -> Banner:
    counts = report.counts()
    headline = ", ".join(
        f"{counts[level]:,} {level}" for level in (Level.BAD, Level.SUSPECT, Level.OK)
    )
    return Banner(
        report.verdict,
        f"{headline} of {report.symbols.height:,} symbols",
        f"Data quality of {report.origin}",
        tone=TONE_OF[report.verdict],
    )


def _tiles(report: QualityReport) -> Tiles:
    bars = report.bars
    first, last = bars["ts"].min(), bars["ts"].max()
    gaps = int(report.symbols["gaps"].sum()) if "gaps" in report.symbols.columns else 0
    return Tiles(
        (
            Tile(f"{bars.height:,}", f"good bars of {report.interval or 'an unknown interval'}"),
            Tile(f"{report.broken.height:,}", "bars that break a rule"),
            Tile(f"{_serious(report).height:,}", "alarms"),
            Tile(f"{gaps:,}", "bars missing"),
            Tile(_day(first), "first"),
            Tile(_day(last), "last"),
        )
    )


def _faults(report: QualityReport) -> list[Section]:
    if not report.faults:
        return []
    rows: list[list[str | Cell]] = [[_mark(Level.BAD), fault] for fault in report.faults[:MAX_ROWS]]
    return [Section("The whole", (Table(["", "fault"], rows, text=1),))]


def _cards(report: QualityReport) -> list[Section]:
    drawn = _serious(report).filter(pl.col("check").is_in(_DRAWN))
    drawn = drawn.unique(["symbol", "check"], keep="first", maintain_order=True)
    if drawn.is_empty():
        return []
    cards = []
    for number, alarm in enumerate(drawn.head(MAX_CARDS).iter_rows(named=True)):
        heading = f"{alarm['symbol']} · {alarm['check']} · {alarm['ts']:%Y-%m-%d}"
        chart = Chart(draw_alarm(report.bars, alarm), f"alarm-{number}")
        cards.append(Card(heading, chart, alarm["reason"]))
    rest = drawn.height - len(cards)
    more = [Note(f"{rest:,} more are in the table below.")] if rest > 0 else []
    return [Section("What to look at", (Cards(cards), *more))]


def _moves(report: QualityReport) -> list[Section]:
    if report.moves.is_empty():
        return []
    alarms = _serious(report).filter(pl.col("check").is_in(["split", "unit", "jump", "spike"]))
    text = (
        f"{report.moves.height:,} moves of {report.limits.move:.0%} and more were judged; shown "
        "are those that other symbols do not share. News is traded: the further a price jumps, the "
        "more shares change hands. A false adjustment moves the price and nothing else."
    )
    chart = Chart(draw_moves(report.moves, alarms, report.limits), "moves")
    return [Section("Real moves and false ones", (Note(text), chart))]


def _alarms(report: QualityReport) -> Section:
    alarms = _serious(report)
    if alarms.is_empty():
        return Section("Alarms", (Note("None."),))
    rows = [
        [row["symbol"] or "-", _moment(row["ts"]), row["check"], _mark(row["level"]), row["reason"]]
        for row in alarms.head(MAX_ROWS).iter_rows(named=True)
    ]
    columns = ["symbol", "bar", "check", "level", "reason"]
    return Section(f"Alarms ({alarms.height:,})", (Table(columns, rows, text=4),))


def _coverage(report: QualityReport) -> list[Section]:
    present = report.symbols.filter(pl.col("first").is_not_null())
    if present.height < 2:
        return []
    text = (
        "Symbols that have begun and not ended. A series that ends before the others was delisted, "
        "or cut: bars alone do not tell which."
    )
    return [Section("Coverage", (Note(text), Chart(draw_coverage(present), "coverage")))]


def _symbols(report: QualityReport) -> Section:
    columns = [
        name
        for name in ("symbol", "verdict", "bars", "first", "last", "gaps", "outside", "findings")
        if name in report.symbols.columns
    ]
    order = pl.col("verdict").replace_strict({"BAD": 0, "SUSPECT": 1, "OK": 2})
    rows = report.symbols.sort(order, "symbol").select(columns).head(MAX_ROWS)
    cells = [
        [
            _mark(value) if column == "verdict" else _text(value)
            for column, value in zip(columns, row, strict=True)
        ]
        for row in rows.iter_rows()
    ]
    return Section(f"All {report.symbols.height:,} symbols", (Table(columns, cells),), folded=True)


def _notes(report: QualityReport) -> list[Section]:
    notes = report.alarms.filter(pl.col("level") == Level.NOTE)
    if notes.is_empty():
        return []
    rows = [
        [row["symbol"], _moment(row["ts"]), row["check"], row["reason"]]
        for row in notes.head(MAX_ROWS).iter_rows(named=True)
    ]
    table = Table(["symbol", "bar", "what", "why"], rows, text=3)
    heading = f"Notes ({notes.height:,}): true, and harmless when known"
    return [Section(heading, (table,), folded=True)]


def _thresholds(report: QualityReport) -> Section:
    pairs = [
        (readable(field.name), f"{getattr(report.limits, field.name):g}")
        for field in fields(report.limits)
    ]
    return Section("Thresholds", (Facts(pairs),), folded=True)


def _mark(level: str) -> Cell:
    return Cell(level, tone=TONE_OF[Level(level)])


def _moment(ts: Any) -> str:
    if ts is None:
        return "-"
    return f"{ts:%Y-%m-%d}" if ts.hour == ts.minute == 0 else f"{ts:%Y-%m-%d %H:%M}"


def _day(ts: Any) -> str:
    return f"{ts:%Y-%m-%d}" if ts is not None else "-"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return _moment(value) if hasattr(value, "hour") else str(value)
