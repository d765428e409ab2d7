"""Files into the lake: extended, refused or replaced; a folder goes on where it ended."""

from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError, UsageError
from features import Lake, SimulatedMarket
from features.bars.schema import BAR_COLUMNS, PRICE_COLUMNS
from features.formats.into_lake import Landed, import_files, known_intervals
from features.formats.read import read_file


@pytest.fixture(scope="module")
def market() -> pl.DataFrame:
    return SimulatedMarket(symbols=3, sessions=80, interval="1d", seed=2).bars()


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def write(path: Path, bars: pl.DataFrame, factor: float = 1.0) -> Path:
    bars.with_columns(pl.col(PRICE_COLUMNS) * factor).write_parquet(path)
    return path


def land(lake: Lake, *paths: Path, replace: bool = False) -> list[Landed]:
    return list(import_files(paths, lake, read_file, "file", replace=replace))


def stored(lake: Lake) -> pl.DataFrame:
    return lake.scan("1d").select(BAR_COLUMNS).collect()


def test_a_later_download_extends_the_series_where_the_overlap_agrees(lake, market, tmp_path):
    first = market.filter(pl.col("ts") < market["ts"].unique().sort()[50])
    land(lake, write(tmp_path / "first.parquet", first))

    (second,) = land(lake, write(tmp_path / "second.parquet", market))
    (again,) = land(lake, tmp_path / "second.parquet")

    assert (second.new, second.error, again.new) == (3 * 30, None, 0)
    assert stored(lake).equals(market)


@pytest.mark.parametrize(
    ("factor", "common", "refused"),
    [
        (0.1, 4, True),
        (1.02, 4, True),
        (1.005, 40, True),  # a dividend
        (1.005, 4, False),  # as corrections are
        (1.0001, 40, False),  # as rounding is
    ],
)
def test_another_basis_of_prices_is_refused_and_nothing_of_the_file_is_written(
    lake, market, tmp_path, factor, common, refused
):
    days = market["ts"].unique().sort()
    before = market.filter(pl.col("ts") < days[40])
    land(lake, write(tmp_path / "before.parquet", before))
    after = market.filter(pl.col("ts") >= days[40 - common])

    (landed,) = land(lake, write(tmp_path / "after.parquet", after, factor))

    assert (landed.error is not None) == refused
    assert stored(lake).equals(before) == refused
    if landed.error is not None:
        assert f"its closes are {factor:.4g} times those of the lake" in landed.error.why
        assert f"{common} common bars, and 2 symbols more" in landed.error.why
        advice = f"ploutos data import {tmp_path / 'after.parquet'} --replace (the whole series"
        assert landed.error.next_command.startswith(advice)


def test_replace_puts_the_file_in_the_place_of_the_series_and_tells_the_factor(
    lake, market, tmp_path
):
    land(lake, write(tmp_path / "before.parquet", market))
    one = market.filter(pl.col("symbol") == market["symbol"][0])[60:]

    (landed,) = land(lake, write(tmp_path / "after.parquet", one, 0.1), replace=True)

    assert landed.rebased == {market["symbol"][0]: pytest.approx(0.1)}
    counts = stored(lake).group_by("symbol").len().sort("symbol")["len"]
    assert counts.to_list() == [20, 80, 80]


def test_a_bad_file_stops_no_other_and_the_same_again_writes_nothing(lake, market, tmp_path):
    names = market["symbol"].unique().sort().to_list()
    for name, part in zip(names, market.partition_by("symbol"), strict=True):
        write(tmp_path / f"{name}.parquet", part)
    (tmp_path / "bad.csv").write_text("symbol,ts,open\nAAA,2024-03-04,1\n")
    paths = sorted(path for path in tmp_path.iterdir() if path.is_file())

    first = land(lake, *paths)
    block = {path: path.stat().st_mtime_ns for path in lake.root.rglob("block-*.parquet")}
    second = land(lake, *paths)

    assert sorted(str(one.path.name) for one in first if one.error) == ["bad.csv"]
    assert sum(one.new for one in first) == 240
    assert sum(one.new for one in second) == 0
    assert {path: path.stat().st_mtime_ns for path in block} == block
    assert stored(lake).equals(market)


def test_files_of_one_symbol_after_each_other_and_of_several_intervals_all_land(
    lake, market, tmp_path
):
    one = market.filter(pl.col("symbol") == market["symbol"][0])
    hourly = SimulatedMarket(symbols=1, sessions=9, interval="1h", seed=2).bars()
    parts = [write(tmp_path / "a.parquet", one[:50]), write(tmp_path / "b.parquet", one[40:])]

    landed = land(lake, *parts, write(tmp_path / "c.parquet", hourly))

    assert [one.new for one in landed] == [50, 30, hourly.height]
    assert known_intervals(lake, [market["symbol"][0]]) == {"1d", "1h"}
    assert known_intervals(lake, ["ZZZ"]) == set()


def test_a_source_that_is_no_name_is_refused_before_anything_is_read(lake, tmp_path):
    with pytest.raises(UsageError, match=r"source '\.\./x'"):
        list(import_files([tmp_path / "none.csv"], lake, read_file, "../x"))
    (missing,) = land(lake, tmp_path / "none.csv")
    assert isinstance(missing.error, DataError)
