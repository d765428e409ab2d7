"""`ploutos data check` and `ploutos data repair` as a user calls them."""

from pathlib import Path

import polars as pl
import pytest

from features import Lake, SimulatedMarket
from features.lake.blocks import ORIGIN_SCHEMA, block_name

PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def market() -> pl.DataFrame:
    return SimulatedMarket(symbols=5, sessions=120, interval="1d", seed=1).bars()


def with_unit_error(bars: pl.DataFrame) -> pl.DataFrame:
    wrong = pl.int_range(pl.len()) == 120 + 80
    return bars.with_columns(pl.when(wrong).then(pl.col(p) * 10).otherwise(p) for p in PRICES)


@pytest.fixture
def imported(ploutos, tmp_path, market) -> Path:
    """A lake with one bar in another unit; the file that it came from."""
    file = tmp_path / "bars.parquet"
    with_unit_error(market).write_parquet(file)
    assert ploutos("data", "import", file).code == 0
    return file


def test_check_gives_a_verdict_for_every_symbol_of_a_file(ploutos, imported):
    outcome = ploutos("data", "check", imported, "--json")

    document = outcome.document
    assert outcome.code == 1
    assert (document["verdict"], document["bad"]) == ("BAD", 0)
    assert [row["verdict"] for row in document["symbols"]] == ["OK", "BAD", "OK", "OK", "OK"]
    assert [alarm["check"] for alarm in document["alarms"] if alarm["level"] != "NOTE"] == ["unit"]
    assert "data repair" in outcome.stderr


def test_check_prints_the_alarms_for_a_reader(ploutos, imported):
    outcome = ploutos("data", "check", imported)

    assert "a unit error" in outcome.stdout
    assert "BAD (4 OK, 0 SUSPECT, 1 BAD); 0 of 600 bars are bad" in outcome.stdout


def test_check_without_a_file_checks_the_lake(ploutos, imported):
    outcome = ploutos("data", "check", "--json")

    (part,) = outcome.document["parts"]
    assert outcome.code == 1
    assert part["origin"] == "lake 1d file"


def test_an_empty_lake_and_an_unknown_source_are_told(ploutos, imported):
    assert ploutos("data", "check", "--source", "none").code == 1
    assert "no bars of source none" in ploutos("data", "check", "--source", "none").stderr


def test_the_report_is_written_where_it_is_asked_for(ploutos, imported, tmp_path):
    outcome = ploutos("data", "check", imported, "--report", tmp_path / "quality.html")

    assert str(tmp_path / "quality.html") in outcome.stderr
    assert "Data quality of" in (tmp_path / "quality.html").read_text()


def test_repair_asks_first_and_changes_nothing_where_nobody_can_answer(ploutos, imported):
    outcome = ploutos("data", "repair")

    assert outcome.code == 2
    assert "1 to set aside" in outcome.stderr
    assert "add --yes" in outcome.stderr
    assert ploutos("data", "check").code == 1


def test_repair_sets_aside_and_restore_puts_back(ploutos, imported, home_root):
    repaired = ploutos("data", "repair", "--yes", "--json")
    clean = ploutos("data", "check", "--json")
    restored = ploutos("data", "repair", "--restore", "--yes", "--json")

    assert (repaired.code, repaired.document["quarantined"]) == (0, 1)
    assert repaired.document["quarantine"] == str(home_root / "lake-quarantine")
    assert clean.code == 0
    assert restored.document["restored"] == 1
    assert ploutos("data", "check").code == 1


def test_repair_says_what_it_cannot_mend(ploutos, tmp_path, market):
    early = pl.int_range(pl.len()).is_between(120, 200)
    file = tmp_path / "bars.parquet"
    false = market.with_columns(pl.when(early).then(pl.col(p) * 1.4).otherwise(p) for p in PRICES)
    false.write_parquet(file)
    ploutos("data", "import", file)

    outcome = ploutos("data", "repair", "--json")

    (plan,) = outcome.document["plan"]
    assert outcome.code == 0
    assert (outcome.document["quarantined"], plan["wrong"]) == (0, [])
    assert [alarm["check"] for alarm in plan["beyond"]] == ["jump"]
    assert "not mended" in outcome.stderr


def test_bars_from_before_the_calendar_are_named_and_set_aside_and_the_rest_goes_on(
    ploutos, tmp_path, home_root
):
    """As a version left them that let them in: on the disk, without a check."""
    bars = SimulatedMarket(symbols=2, sessions=380, interval="1d", seed=1).bars()
    old = bars.head(40).with_columns(pl.col("ts").dt.offset_by("-60y"))
    lake = Lake(home_root / "lake")
    lake.write(bars, interval="1d", source="file")
    block = lake.folder("1d", "file") / block_name(bars["symbol"][0])
    pl.concat([pl.read_parquet(block), with_origin(old)]).write_parquet(block)

    check, market = ploutos("data", "check"), ploutos("data", "market")
    assert (check.code, market.code) == (1, 0)
    assert f"{old['symbol'][0]}" in check.stdout
    assert "outside the exchange calendar" in check.stdout
    assert "outside the exchange calendar" in market.stderr
    assert "40 of 800 bars" in market.stderr
    assert ploutos("data", "repair", "--yes", "--json").document["quarantined"] == 40
    assert ploutos("data", "check").code == 0


def with_origin(bars: pl.DataFrame) -> pl.DataFrame:
    origin = {"source": "file", "adjustment": "as given", "retrieved": None}
    return bars.with_columns(pl.lit(v, dtype=ORIGIN_SCHEMA[n]).alias(n) for n, v in origin.items())


def test_a_damaged_block_is_named_and_moved_and_the_other_commands_go_on(
    ploutos, imported, home_root
):
    block = home_root / "lake/1d/file" / block_name("SIMC01")
    block.write_bytes(block.read_bytes()[:-9])

    for command in (("status",), ("sql", "select count(*) n from bars"), ("check",)):
        outcome = ploutos("data", *command)
        assert outcome.code == (1 if command == ("check",) else 0)
        assert str(block) in outcome.stderr + outcome.stdout
    repaired = ploutos("data", "repair", "--yes", "--json").document

    assert [Path(path).name[-len(block.name) :] for path in repaired["damaged"]] == [block.name]
    assert not block.exists()
    assert str(block) not in ploutos("data", "status").stderr


def test_a_lake_without_faults_has_nothing_to_repair(ploutos, tmp_path, market):
    market.write_parquet(tmp_path / "bars.parquet")
    ploutos("data", "import", tmp_path / "bars.parquet")

    outcome = ploutos("data", "repair")

    assert outcome.code == 0
    assert "1d file: nothing to repair" in outcome.stderr
    assert ploutos("data", "repair", "--restore").stdout.startswith("restored")


def test_bars_that_an_import_leaves_out_are_kept_with_their_reason(
    ploutos, tmp_path, market, home_root
):
    file = tmp_path / "bars.parquet"
    bad = market.with_columns(
        close=pl.when(pl.int_range(pl.len()) == 9).then(-1.0).otherwise(pl.col("close"))
    )
    bad.write_parquet(file)

    outcome = ploutos("data", "import", file, "--drop-bad", "--json")

    (kept,) = (home_root / "lake-quarantine" / "rejected" / "file").iterdir()
    assert outcome.document["dropped"] == 1
    assert pl.read_parquet(kept)["reason"].to_list() == ["close is not positive (close -1.0)"]
    assert str(kept) in outcome.stderr


def test_a_source_that_leads_out_of_the_home_is_refused(ploutos, tmp_path, market, home_root):
    file = tmp_path / "bars.parquet"
    market.with_columns(high=pl.lit(0.0)).tail(3).vstack(market).write_parquet(file)

    outcome = ploutos("data", "import", file, "--drop-bad", "--source", "../../x")

    assert outcome.code == 2
    assert not home_root.exists()
