"""The public list: its tables, its changes, and the spells they lead to."""

from datetime import date
from pathlib import Path

import pytest

from cluster.errors import DataError
from features.universe.files import universe_from_files
from features.universe.history import universe_from_page
from features.universe.html_tables import read_tables
from features.universe.sectors import GICS_SECTORS
from features.universe.wikipedia import read_list_page
from places import SHARED

SAMPLE = Path(__file__).parent / "pages" / "sp500_sample.html"
RECORDED = sorted((SHARED / "fixtures" / "wikipedia").glob("*.html"))
needs_recorded = pytest.mark.skipif(not RECORDED, reason="no recorded pages in ../shared")


@pytest.fixture
def page() -> str:
    return SAMPLE.read_text()


def test_spans_are_spread_and_headings_joined(page: str) -> None:
    changes = read_tables(page, ("changes",))["changes"]

    assert changes.head[:3] == ["date", "added ticker", "added security"]
    assert changes.rows[1][:5] == ["June 22, 2020", "", "", "YYY", "Ypsilon"]
    assert changes.rows[0][5] == "Market cap."


def test_rows_that_lack_a_cell_end_there_and_tables_inside_are_no_rows() -> None:
    page = """<html><table id="t">
        <tr><th>A<sup>1</sup></th><th colspan="2">B</th></tr><tr><th>a</th><th>x</th><th>y</th></tr>
        <tr><td>1</td><td>one<br>or <b>two</b></td><td rowspan="9">down</td></tr>
        <tr><td>2 <table><tr><td>inside</td></tr></table></td><td rowspan="0">3</td></tr>
        <tr><td>alone</td></tr></table></html>"""

    table = read_tables(page, ("t",))["t"]

    assert table.head == ["a a", "b x", "b y"]
    assert table.rows == [["1", "one or two", "down"], ["2", "3", "down"], ["alone"]]


def test_companies_are_read_by_their_headings(page: str) -> None:
    found = read_list_page(page, fewest=4)

    assert [c.symbol for c in found.companies] == ["AAA", "BB-B", "META9", "DDD"]
    assert found.companies[0].name == "Alpha & Sons"
    assert found.companies[1].name == "Beta Class B"
    assert found.companies[0].added == date(1990, 1, 2)
    assert found.companies[3].added is None


def test_rows_that_cannot_be_read_are_named_not_dropped_in_silence(page: str) -> None:
    doubts = read_list_page(page, fewest=4).doubts

    assert len(doubts) == 2
    assert "a note across the table" in doubts[0]
    assert "Smarch 1, 2009" in doubts[1]


def test_walking_back_gives_the_members_of_each_day(page: str) -> None:
    universe = universe_from_page(read_list_page(page, fewest=4), "sample")

    assert universe.members(date(2026, 1, 1)) == ("AAA", "BB-B", "DDD", "META9")
    assert universe.members(date(2020, 6, 22)) == ("AAA", "BB-B", "DDD", "META9")
    assert universe.members(date(2020, 6, 21)) == ("AAA", "DDD", "META9", "XXX", "YYY")
    assert universe.members(date(2015, 3, 1)) == ("AAA", "DDD", "XXX", "YYY", "ZZZ")
    assert "ZZZ" not in universe.members(date(2010, 5, 4))


def test_a_renamed_company_is_found_by_its_date_and_the_rest_is_a_doubt(page: str) -> None:
    doubts = universe_from_page(read_list_page(page, fewest=4), "sample").doubts

    assert "FFF joined on 2015-03-02 and is taken to be META9" in doubts
    assert "OLD joined on 2009-04-01, and its later name is open" in doubts
    assert "AAA left on 2010-05-05 and is in without joining" in doubts


def test_former_and_misplaced_sector_names_become_the_11(page: str) -> None:
    universe = universe_from_page(read_list_page(page, fewest=4), "sample")
    on = date(2021, 1, 4)

    assert universe.sector("META9", on) == "Communication Services"
    assert universe.sector("DDD", on) == "Financials"  # the list says Regional Banks
    assert universe.sector("XXX", on) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id="constituents"', 'id="x"', "no table 'constituents'"),
        ("<th>Security</th>", "<th>Firm</th>", "no column 'security'"),
        ("<th>Date first added</th>", "<th>Since</th>", "no column 'added'"),
    ],
)
def test_another_layout_is_refused_by_name(page: str, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        read_list_page(page.replace(old, new, 1), fewest=4)

    assert "ploutos universe import" in str(refusal.value)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_page_that_was_cut_is_refused(page: str, share: float) -> None:
    with pytest.raises(DataError, match="no table"):
        read_list_page(page[: int(share * len(page))], fewest=1)


def test_a_short_list_is_not_the_index(page: str) -> None:
    with pytest.raises(DataError, match="the list has 4 companies"):
        read_list_page(page)


@pytest.mark.parametrize("text", ["", "plain text", "<table id=constituents>", "\x00" * 100])
def test_what_is_no_page_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="no table"):
        read_list_page(text)


@needs_recorded
@pytest.mark.parametrize(
    ("path", "changes", "first", "last"),
    [
        (RECORDED[0] if RECORDED else None, 395, "MMM", date(2026, 5, 7)),
        (RECORDED[-1] if RECORDED else None, 312, "MMM", date(2022, 11, 1)),
    ],
    ids=["server HTML", "REST"],
)
def test_both_recorded_layouts_give_the_503_members(
    path: Path, changes: int, first: str, last: date
) -> None:
    page = read_list_page(path.read_text())
    universe = universe_from_page(page, path.name)

    assert len(page.companies) == 503
    assert page.companies[0].symbol == first
    assert len(page.changes) == changes
    assert page.changes[0].day == last
    assert {universe.sector(c.symbol, last) for c in page.companies} == set(GICS_SECTORS)
    assert {"BRK-B", "BF-B"} <= set(universe.members(last))


@needs_recorded
def test_the_page_and_the_file_agree_on_the_members() -> None:
    data = SHARED / "data"
    file = universe_from_files(data / "membership.parquet", data / "constituents.parquet")
    page = universe_from_page(read_list_page(RECORDED[0].read_text()), "page")

    for year, most in ((2014, 20), (2017, 13), (2020, 4), (2023, 2)):
        on = date(year, 7, 1)
        wanted, got = set(file.members(on)), set(page.members(on))
        assert len(wanted - got) <= most, year
        assert abs(len(got) - len(wanted)) <= 3, year
