"""`Universe`: members, tickers, sectors and differences of days; files in; the copy on disk."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from features.universe.files import universe_from_files
from features.universe.sectors import with_known_sectors
from features.universe.store import age_of, keep_known_sectors, load_universe, save_universe
from features.universe.universe import SPELL_SCHEMA, Universe
from places import DATA

MEMBERSHIP = """symbol,start_date,end_date,index_ticker
META,2013-12-23,2022-06-09,FB
META,2022-06-09,,META
GONE,2010-01-04,2015-06-01,GONE
BACK,2010-01-04,2012-01-03,BACK
BACK,2018-01-02,,BACK
YHOO-OLD,2000-01-03,2017-06-19,YHOO
"""
CONSTITUENTS = """symbol,name,gics_sector,gics_sub_industry,first_seen
META,Meta,Information Technology,Media,2014-01-19
META,Meta,Communication Services,Media,2018-09-28
GONE,Gone,Telecommunications Services,,2013-02-10
YHOO,Yahoo,Information Technology,,2013-02-10
BACK,Back,Media,Media,2013-02-10
Broken Row Inc,reports,Airlines,,2021-03-11
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    membership, constituents = tmp_path / "membership.csv", tmp_path / "constituents.csv"
    membership.write_text(MEMBERSHIP)
    constituents.write_text(CONSTITUENTS)
    return membership, constituents


@pytest.fixture
def universe(files: tuple[Path, Path]) -> Universe:
    return universe_from_files(*files)


def test_members_are_those_whose_spell_holds_the_day(universe: Universe) -> None:
    assert universe.members(date(2011, 1, 3)) == ("BACK", "GONE", "YHOO-OLD")
    assert universe.members(date(2015, 5, 31)) == ("GONE", "META", "YHOO-OLD")
    assert universe.members(date(2015, 6, 1)) == (
        "META",
        "YHOO-OLD",
    )  # the end is the first day out
    assert universe.members(date(2030, 1, 1)) == ("BACK", "META")
    assert universe.members(date(1990, 1, 1)) == ()


def test_a_renamed_company_keeps_its_symbol(universe: Universe) -> None:
    assert universe.tickers(date(2022, 6, 8))["META"] == "FB"
    assert universe.tickers(date(2022, 6, 9))["META"] == "META"


def test_a_sector_is_that_of_the_day(universe: Universe) -> None:
    assert universe.sector("META", date(2018, 9, 27)) == "Information Technology"
    assert universe.sector("META", date(2018, 9, 28)) == "Communication Services"
    assert universe.sector("META", date(2013, 12, 23)) == "Information Technology"  # first known


def test_sectors_are_found_under_former_names_and_tickers(universe: Universe) -> None:
    on = date(2014, 1, 2)

    assert universe.sector("GONE", on) == "Communication Services"
    assert universe.sector("YHOO-OLD", on) == "Information Technology"
    assert universe.sectors_on(on) == {
        "GONE": "Communication Services",
        "META": "Information Technology",
        "YHOO-OLD": "Information Technology",
    }


def test_headings_and_classes_are_read_as_lists_write_them(tmp_path: Path) -> None:
    """The public list as a table, and spells that an old version named with a dot."""
    membership, constituents = tmp_path / "members.csv", tmp_path / "companies.csv"
    membership.write_text("Symbol,Start Date,End Date\nAAPL,2020-01-02,\nBRK.B,2020-01-02,\n")
    constituents.write_text(
        "Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added\n"
        "aapl,Apple,Information Technology,Hardware,Cupertino,1982-11-30\n"
        "BRK/B,Berkshire Hathaway,Financials,Holdings,Omaha,2010-02-16\n"
    )

    universe = universe_from_files(membership, constituents)
    day = date(2024, 1, 2)

    assert universe.members(day) == ("AAPL", "BRK-B")
    assert universe.tickers(day) == {"AAPL": "AAPL", "BRK-B": "BRK-B"}
    assert universe.sector("BRK-B", day) == "Financials"
    assert universe.sectors["sub_industry"].to_list() == ["Hardware", "Holdings"]


def test_a_copy_with_another_spelling_is_read_with_todays(
    universe: Universe, tmp_path: Path
) -> None:
    path = save_universe(universe, tmp_path)
    path.write_text(path.read_text().replace('"GONE"', '"BRK.B"'))

    assert "BRK-B" in load_universe(tmp_path).members(date(2011, 1, 3))
    assert load_universe(tmp_path).sector("BRK-B", date(2011, 1, 3)) == "Communication Services"


def test_a_company_nobody_heard_of_is_refused(universe: Universe) -> None:
    with pytest.raises(DataError, match="no company NOPE"):
        universe.sector("NOPE", date(2020, 1, 2))


def test_a_diff_names_who_joined_left_and_was_renamed(universe: Universe) -> None:
    found = universe.diff(date(2011, 1, 3), date(2022, 7, 1))

    assert found.joined == ("META",)
    assert found.left == ("GONE", "YHOO-OLD")
    assert found.renamed == ()
    assert universe.diff(date(2020, 1, 2), date(2022, 7, 1)).renamed == (("META", "FB", "META"),)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(1, 200), st.sampled_from("ABCDE")), max_size=12
    ),
    st.integers(0, 600),
    st.integers(0, 600),
)
def test_a_diff_leads_from_one_day_to_the_other(
    spells: list[tuple[int, int, str]], first: int, second: int
) -> None:
    def day(number: int) -> date:
        return date.fromordinal(date(2015, 1, 1).toordinal() + number)

    rows = [(name, day(start), day(start + length), name) for start, length, name in spells]
    frame = pl.DataFrame(rows, schema=SPELL_SCHEMA, orient="row")
    universe = Universe(frame, pl.DataFrame(schema={"symbol": pl.String}), "", datetime.now(UTC))

    found = universe.diff(day(first), day(second))

    before, after = set(universe.members(day(first))), set(universe.members(day(second)))
    assert (before | set(found.joined)) - set(found.left) == after
    assert set(found.joined).isdisjoint(before)


def test_a_sub_industry_in_the_place_of_the_sector_is_looked_up() -> None:
    companies = pl.DataFrame(
        {
            "sector": ["Financials", "Regional Banks", "Airlines", None],
            "sub_industry": ["Regional Banks", None, None, None],
        }
    )

    assert with_known_sectors(companies)["sector"].to_list() == [
        "Financials",
        "Financials",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("GONE,2010-01-04,2015-06-01", "GONE,2010-01-04,2009-06-01", "ends before it starts"),
        ("BACK,2018-01-02", "BACK,2011-01-02", "overlaps its spell before"),
        ("META,2013-12-23", "META,23.12.2013", "no date"),
        ("GONE,2010", "../../x,2010", "is not a ticker"),
        ("GONE,2010", "; drop,2010", "is not a ticker"),
        ("GONE,2010", ",2010", "is not a ticker"),
        ("symbol,start_date", "symbol,begin", "no column start_date"),
    ],
)
def test_bad_spells_are_refused_by_name(
    files: tuple[Path, Path], old: str, new: str, message: str
) -> None:
    files[0].write_text(MEMBERSHIP.replace(old, new, 1))

    with pytest.raises(DataError, match=message) as refusal:
        universe_from_files(*files)

    assert "membership.csv" in str(refusal.value)


def test_an_empty_or_missing_file_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        universe_from_files(tmp_path / "nowhere.csv", files[1])
    files[1].write_text("symbol,gics_sector\n")
    with pytest.raises(DataError, match="no rows"):
        universe_from_files(*files)


def test_the_copy_on_disk_is_the_same_universe(universe: Universe, tmp_path: Path) -> None:
    path = save_universe(universe, tmp_path / "universe")
    loaded = load_universe(tmp_path / "universe")

    assert path.name == "universe.json"
    assert loaded.spells.equals(universe.spells)
    assert loaded.sectors.equals(universe.sectors)
    assert loaded.fingerprint == universe.fingerprint
    assert age_of(loaded, universe.retrieved + timedelta(days=40)).days == 40


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema_version": 9}', b"\xff\xfe"])
def test_a_damaged_copy_is_refused_with_a_way_out(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "universe.json").write_bytes(damage)

    with pytest.raises(DataError, match="is damaged") as refusal:
        load_universe(tmp_path)

    assert "ploutos universe import" in refusal.value.next_command


def test_no_copy_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no universe yet"):
        load_universe(tmp_path)


def test_sectors_of_those_who_left_are_kept(universe: Universe) -> None:
    fresh = Universe(
        universe.spells,
        universe.sectors.filter(pl.col("symbol") != "GONE"),
        "page",
        datetime.now(UTC),
    )

    assert fresh.sector("GONE", date(2014, 1, 2)) is None
    merged = keep_known_sectors(fresh, universe)
    assert merged.sector("GONE", date(2014, 1, 2)) == "Communication Services"
    assert merged.sectors.height == universe.sectors.height


@pytest.mark.skipif(not DATA.exists(), reason="no real universe in ../shared")
def test_the_real_files_give_the_index_of_each_year() -> None:
    universe = universe_from_files(DATA / "membership.parquet", DATA / "constituents.parquet")

    sizes = [len(universe.members(date(year, 7, 1))) for year in range(2013, 2024)]
    assert sizes == [497, 498, 500, 503, 505, 505, 505, 505, 505, 503, 503]
    assert universe.sector("SIVB", date(2023, 3, 1)) == "Financials"
    assert universe.tickers(date(2020, 1, 2))["META"] == "FB"
    for year in range(2014, 2024):
        on = date(year, 7, 1)
        assert len(universe.members(on)) - len(universe.sectors_on(on)) <= 4
