"""A path is a path, whatever stands in it; and a file that is damaged costs its own bars alone."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError
from features import CheckedBars, Lake, SimulatedMarket, read_bars
from features.lake.actions import ACTION_SCHEMA, SPLIT, ActionStore
from features.lake.blocks import block_name
from features.quality.quarantine import Quarantine
from features.quality.repair import check_lake, damaged_files, plan_repair

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ODD = "run [1]* ? {a,b} %20#"  # a pattern to globs, and to URLs something else
BARS = SimulatedMarket(symbols=6, sessions=40, interval="1d", seed=2).bars()


def with_two_homes(tmp_path: Path) -> tuple[Lake, Lake]:
    """A lake in a home with an odd name, and another one that its name as a pattern would match."""
    odd, other = Lake(tmp_path / ODD / "lake"), Lake(tmp_path / "run 1x ? a %20#" / "lake")
    odd.write(BARS, interval="1d", source="file")
    other.write(BARS.with_columns(pl.col("symbol") + "X"), interval="1d", source="file")
    return odd, other


def test_a_home_whose_name_is_a_pattern_sees_its_own_bars_alone(tmp_path):
    names = sorted(BARS["symbol"].unique())
    for lake, end in zip(with_two_homes(tmp_path), ("", "X"), strict=True):
        assert usable(lake).symbols == tuple(name + end for name in names)
        assert lake.status()["bars"].to_list() == [240]
        assert lake.sql("select count(*) n from bars")["n"].to_list() == [240]
        (checked,) = check_lake(lake, now=NOW)
        assert (checked[2].rows, checked[2].faults) == (240, ())


def test_bars_in_the_quarantine_of_such_a_home_come_back(tmp_path):
    lake, _ = with_two_homes(tmp_path)
    quarantine = Quarantine(tmp_path / ODD / "quarantine")
    before = lake.scan("1d").collect()

    wrong = BARS.head(3).select("symbol", "ts", reason=pl.lit("x"))
    assert quarantine.set_aside(lake, wrong, interval="1d", series="file", now=NOW) == 3
    assert quarantine.batches("*") == []
    (batch,) = quarantine.batches("file")
    assert quarantine.restore(lake, batch) == 3
    assert lake.scan("1d").collect().equals(before)


def usable(lake: Lake) -> CheckedBars:
    return lake.usable(lake.scan("1d").collect(), "these")


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_whose_name_is_a_pattern_is_read(tmp_path, suffix):
    path, other = tmp_path / f"{ODD}{suffix}", tmp_path / f"run 1x ? a %20#{suffix}"
    for place, bars in ((path, BARS), (other, BARS.head(1))):
        bars.write_parquet(place) if suffix == ".parquet" else bars.write_csv(place)

    assert read_bars(path).frame.height == 240


@pytest.fixture
def torn(tmp_path: Path) -> tuple[Lake, list[DataError], Path]:
    """A lake with one block that ends early, what was said of it, and the block."""
    said: list[DataError] = []
    lake = Lake(tmp_path / "lake", said.append)
    lake.write(BARS, interval="1d", source="file")
    block = lake.folder("1d", "file") / block_name(BARS["symbol"][0])
    block.write_bytes(block.read_bytes()[:-20])
    return lake, said, block


def test_the_other_bars_of_a_lake_with_a_damaged_block_are_used(torn):
    lake, said, block = torn
    sound = BARS.filter(pl.col("symbol").map_elements(block_name, pl.String) != block.name)

    assert lake.scan("1d").collect().height == sound.height > 0
    assert usable(lake).symbols == tuple(sound["symbol"].unique().sort())
    assert lake.status()["bars"].to_list() == [sound.height]
    assert lake.sql("select count(*) n from bars")["n"].to_list() == [sound.height]
    assert {fault.what for fault in said} == {f"lake block {block} is damaged"}
    assert "rm " not in said[0].next_command
    with pytest.raises(DataError, match="is damaged"):
        Lake(lake.root).scan("1d")


def test_a_damaged_block_is_a_fault_of_its_series_and_a_repair_moves_it(torn, tmp_path):
    lake, _, block = torn
    content = block.read_bytes()

    (plan,) = plan_repair(lake, now=NOW)
    assert plan.report.verdict == "BAD"
    assert f"lake block {block} is damaged" in plan.report.faults[0]
    assert list(damaged_files(lake)) == [block]
    moved = Quarantine(tmp_path / "q").set_file_aside(lake, block, now=NOW)

    assert moved == tmp_path / "q/damaged/1d/file" / f"20260102T000000-{block.name}"
    assert moved.read_bytes() == content
    assert damaged_files(lake) == {}
    lake.write(BARS, interval="1d", source="file")
    assert lake.scan("1d").collect().height == 240


def test_a_page_that_was_changed_is_found_though_the_footer_is_whole(torn):
    lake, _, _ = torn
    lake.write(BARS.head(40).with_columns(symbol=pl.lit("AAA")), interval="1d", source="other")
    (other,) = lake.blocks("1d", "other")
    data = bytearray(other.read_bytes())
    data[60:200] = bytes(140)
    other.write_bytes(data)

    assert set(damaged_files(lake, source="other")) == {other}


def test_damaged_corporate_actions_are_a_fault_and_are_moved(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.write(BARS, interval="1d", source="file")
    row = ("AAPL", date(2020, 8, 31), SPLIT, 4.0, None, None)
    actions = pl.DataFrame([row], schema=ACTION_SCHEMA, orient="row")
    ActionStore(lake.root).add(actions, source="yahoo", retrieved=NOW)
    (file,) = ActionStore(lake.root).files()
    file.write_bytes(b"PAR1")

    ((_, _, report),) = check_lake(lake, now=NOW)
    assert "corporate actions" in report.faults[0]
    Quarantine(tmp_path / "q").set_file_aside(lake, file, now=NOW)
    ((_, _, report),) = check_lake(lake, now=NOW)
    assert report.faults == ()
