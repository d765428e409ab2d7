"""The report of a check: one file with everything inside, and every text escaped."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings

from cluster.errors import PloutosError
from cluster.html.page import Cell, render
from cluster.html.style import Tone
from features import SimulatedMarket
from features.quality import check_quality
from features.quality.charts import draw_alarm, draw_coverage, draw_moves
from features.quality.report import report_page, write_report
from markup import hostile, skeleton, words

PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def report():
    """Six symbols; the prices of one are 20 % too high before its 100th bar."""
    bars = SimulatedMarket(symbols=6, sessions=150, interval="1d", seed=4).bars()
    early = pl.int_range(pl.len()).is_between(150, 250)
    moved = bars.with_columns(pl.when(early).then(pl.col(p) * 1.3).otherwise(p) for p in PRICES)
    return check_quality(moved, origin="a <b> file")


def test_the_report_says_what_was_found_and_needs_nothing_else(report, tmp_path):
    path = write_report(report, tmp_path / "deep" / "quality.html", made="Checked today.")

    text = path.read_text()
    assert "<title>Data quality: a &lt;b&gt; file</title>" in text
    assert '<p class="verdict">SUSPECT</p>' in text
    assert "SIMC01 · jump · " in text
    assert "Real moves and false ones" in text
    assert "Checked today." in text
    assert "src=" not in text.split("</head>")[1]
    assert "<link" not in text


def test_bars_that_break_a_rule_are_in_the_report(report, tmp_path):
    broken = report.bars.with_columns(
        low=pl.when(pl.int_range(pl.len()) == 5).then(0.0).otherwise(pl.col("low"))
    )

    text = write_report(check_quality(broken, origin="x"), tmp_path / "r.html").read_text()

    assert '<p class="verdict">BAD</p>' in text
    assert "low is not positive (low 0.0)" in text


def test_faults_of_the_whole_come_first(report, tmp_path):
    faulty = replace(report, faults=("A has bars of 1d, most have 1h",))

    text = write_report(faulty, tmp_path / "r.html").read_text()

    assert text.index("most have 1h") < text.index("What to look at")


def test_without_an_interval_there_are_no_charts_of_moves(report, tmp_path):
    one = check_quality(report.bars.group_by("symbol").first(), origin="x")

    text = write_report(one, tmp_path / "r.html").read_text()

    assert '<p class="verdict">OK</p>' in text
    assert "Real moves" not in text


def test_the_charts_show_the_numbers(report):
    alarms = report.alarms.filter(pl.col("check") == "jump")
    (alarm,) = alarms.rows(named=True)

    moves = draw_moves(report.moves, alarms, report.limits)
    around = draw_alarm(report.bars, alarm)
    coverage = draw_coverage(report.symbols)

    assert [trace.name for trace in moves.data] == ["judged real", "alarm", "threshold"]
    assert len(moves.data[1].x) == 1
    assert alarm["ts"] in around.data[0].x
    assert set(coverage.data[0].y) == {6}


def test_verdicts_are_coloured(report):
    sections = {part.heading: part for part in report_page(report).parts[1:]}

    levels = [row[3] for row in sections["Alarms (1)"].parts[0].rows]
    verdicts = [row[1] for row in sections["All 6 symbols"].parts[0].rows]

    assert levels == [Cell("SUSPECT", tone=Tone.WARN)]
    assert verdicts == [Cell("SUSPECT", tone=Tone.WARN), *[Cell("OK", tone=Tone.GOOD)] * 5]


@given(text=hostile)
@settings(max_examples=8, deadline=None)
def test_no_text_from_elsewhere_adds_or_changes_an_element(report, text):
    def drawn(text):
        named = {"symbol": pl.lit(text)}
        told = replace(
            report,
            origin=text,
            interval=text,
            faults=(text,),
            alarms=report.alarms.with_columns(reason=pl.lit(text), **named),
            symbols=report.symbols.with_columns(findings=pl.lit(text), **named),
            moves=report.moves.with_columns(**named),
            bars=report.bars.with_columns(**named),
        )
        page = report_page(told, made=text)
        return "".join(render(part) for part in (page.banner, *page.parts))

    harmless, page = drawn("text"), drawn(text)

    assert skeleton(page) == skeleton(harmless)
    assert words(page).count(text) >= 20


def test_a_file_that_cannot_be_written_is_named(report, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(PloutosError, match="cannot write"):
        write_report(report, tmp_path / "file" / "report.html")
