"""The quality report as one HTML file with everything inside."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cluster.files import write_atomic
from features.quality import page
from features.quality.alarms import Level
from features.quality.charts import draw_alarm, draw_coverage, draw_moves
from features.quality.check import QualityReport

if TYPE_CHECKING:
    import plotly.graph_objects as go

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
    from plotly.offline import get_plotlyjs

    body = [_banner(report), _tiles(report), _faults(report), _cards(report), _moves(report)]
    body += [_alarms(report), _coverage(report), _symbols(report), _notes(report)]
    body += [_thresholds(report), f"<footer>{made}</footer>"]
    title = f"Data quality: {report.origin}"
    write_atomic(path, page.page(title, [part for part in body if part], get_plotlyjs()).encode())
    return path


def _serious(report: QualityReport) -> pl.DataFrame:
    return report.alarms.filter(pl.col("level") != Level.NOTE)


def _banner(report: QualityReport) -> str:
    counts = report.counts()
    headline = ", ".join(
        f"{counts[level]:,} {level}" for level in (Level.BAD, Level.SUSPECT, Level.OK)
    )
    context = f"Data quality of {report.origin}"
    return page.banner(report.verdict, context, f"{headline} of {report.symbols.height:,} symbols")


def _tiles(report: QualityReport) -> str:
    bars = report.bars
    first, last = bars["ts"].min(), bars["ts"].max()
    gaps = int(report.symbols["gaps"].sum()) if "gaps" in report.symbols.columns else 0
    return page.tiles(
        [
            (f"{bars.height:,}", f"good bars of {report.interval or 'an unknown interval'}"),
            (f"{report.broken.height:,}", "bars that break a rule"),
            (f"{_serious(report).height:,}", "alarms"),
            (f"{gaps:,}", "bars missing"),
            (_day(first), "first"),
            (_day(last), "last"),
        ]
    )


def _faults(report: QualityReport) -> str:
    if not report.faults:
        return ""
    rows = [["BAD", fault] for fault in report.faults[:MAX_ROWS]]
    return page.section("The whole", page.table(["", "fault"], rows, text=1))


def _cards(report: QualityReport) -> str:
    drawn = _serious(report).filter(pl.col("check").is_in(_DRAWN))
    drawn = drawn.unique(["symbol", "check"], keep="first", maintain_order=True)
    if drawn.is_empty():
        return ""
    figures = []
    for number, alarm in enumerate(drawn.head(MAX_CARDS).iter_rows(named=True)):
        heading = f"{alarm['symbol']} · {alarm['check']} · {alarm['ts']:%Y-%m-%d}"
        drawing = _html(draw_alarm(report.bars, alarm), f"alarm-{number}")
        figures.append(page.card(heading, drawing, alarm["reason"]))
    rest = drawn.height - len(figures)
    more = page.note(f"{rest:,} more are in the table below.") if rest > 0 else ""
    return page.section("What to look at", page.cards(figures), more)


def _moves(report: QualityReport) -> str:
    if report.moves.is_empty():
        return ""
    found = _serious(report).filter(pl.col("check").is_in(["split", "unit", "jump", "spike"]))
    text = (
        f"{report.moves.height:,} moves of {report.limits.move:.0%} and more were judged; shown "
        "are those that other symbols do not share. News is traded: the further a price jumps, the "
        "more shares change hands. A false adjustment moves the price and nothing else."
    )
    drawing = _html(draw_moves(report.moves, found, report.limits), "moves")
    return page.section("Real moves and false ones", page.note(text), drawing)


def _alarms(report: QualityReport) -> str:
    found = _serious(report)
    if found.is_empty():
        return page.section("Alarms", page.note("None."))
    rows = [
        [row["symbol"] or "-", _moment(row["ts"]), row["check"], row["level"], row["reason"]]
        for row in found.head(MAX_ROWS).iter_rows(named=True)
    ]
    columns = ["symbol", "bar", "check", "level", "reason"]
    return page.section(f"Alarms ({found.height:,})", page.table(columns, rows, text=4))


def _coverage(report: QualityReport) -> str:
    known = report.symbols.filter(pl.col("first").is_not_null())
    if known.height < 2:
        return ""
    text = (
        "Symbols that have begun and not ended. A series that ends before the others was delisted, "
        "or cut: bars alone do not tell which."
    )
    return page.section("Coverage", page.note(text), _html(draw_coverage(known), "coverage"))


def _symbols(report: QualityReport) -> str:
    columns = [
        name
        for name in ("symbol", "verdict", "bars", "first", "last", "gaps", "outside", "findings")
        if name in report.symbols.columns
    ]
    order = pl.col("verdict").replace_strict({"BAD": 0, "SUSPECT": 1, "OK": 2})
    rows = report.symbols.sort(order, "symbol").select(columns).head(MAX_ROWS)
    cells = [[_text(value) for value in row] for row in rows.iter_rows()]
    return page.folded(f"All {report.symbols.height:,} symbols", page.table(columns, cells))


def _notes(report: QualityReport) -> str:
    notes = report.alarms.filter(pl.col("level") == Level.NOTE)
    if notes.is_empty():
        return ""
    rows = [
        [row["symbol"], _moment(row["ts"]), row["check"], row["reason"]]
        for row in notes.head(MAX_ROWS).iter_rows(named=True)
    ]
    table = page.table(["symbol", "bar", "what", "why"], rows, text=3)
    return page.folded(f"Notes ({notes.height:,}): true, and harmless when known", table)


def _thresholds(report: QualityReport) -> str:
    pairs = [
        (field.name.replace("_", " "), f"{getattr(report.limits, field.name):g}")
        for field in fields(report.limits)
    ]
    return page.folded("Thresholds", page.facts(pairs))


def _html(figure: "go.Figure", name: str) -> str:
    options = {"displayModeBar": False, "responsive": True}
    drawn: str = figure.to_html(
        full_html=False, include_plotlyjs=False, div_id=name, config=options
    )
    return drawn


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
