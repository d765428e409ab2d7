"""Where each bar of the lake comes from, and what happens to blocks that do not say it."""

from datetime import UTC, datetime

import polars as pl
import pytest

from cluster.errors import UsageError
from features import Lake
from features.bars.schema import BAR_COLUMNS, BAR_SCHEMA
from features.lake.blocks import AS_GIVEN, block_name

FETCHED = datetime(2024, 3, 1, 21, 30, tzinfo=UTC)


def bars_of(symbol: str, days: range, close: float = 10.0) -> pl.DataFrame:
    rows = [
        (symbol, datetime(2024, 1, day, tzinfo=UTC), close, close, close, close, 1.0)
        for day in days
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def test_source_adjustment_and_retrieval_stand_beside_every_bar(lake):
    lake.write(
        bars_of("AAA", range(2, 5)),
        interval="1d",
        source="alpaca",
        adjustment="split",
        retrieved=FETCHED,
    )

    origin = lake.scan("1d").select("source", "adjustment", "retrieved", "series").collect()

    assert origin.rows() == [("alpaca", "split", FETCHED, "alpaca")] * 3


def test_bars_of_files_are_as_given_and_were_never_retrieved(lake):
    lake.write(bars_of("AAA", range(2, 4)), interval="1d", source="file")

    rows = lake.sql("select distinct source, adjustment, retrieved, series from bars").rows()

    assert rows == [("file", AS_GIVEN, None, "file")]


def test_bars_of_another_source_join_a_series_and_say_who_they_are_from(lake):
    lake.write(bars_of("AAA", range(2, 5)), interval="1d", source="alpaca", retrieved=FETCHED)
    lake.write(bars_of("AAA", range(5, 7)), interval="1d", source="yahoo", series="alpaca")

    series = lake.scan("1d", source="alpaca").collect()

    assert series["source"].to_list() == ["alpaca"] * 3 + ["yahoo"] * 2
    assert series["series"].unique().to_list() == ["alpaca"]
    (row,) = lake.status().to_dicts()
    assert (row["source"], row["bars"], row["joined"], row["retrieved"]) == (
        "alpaca",
        5,
        2,
        FETCHED,
    )


def test_replacing_drops_what_the_series_had_of_these_symbols_and_of_no_other(lake):
    assert block_name("S0") == block_name("S28")  # they share a block
    lake.write(bars_of("S0", range(2, 9), close=40), interval="1d", source="alpaca")
    lake.write(bars_of("S28", range(2, 9), close=40), interval="1d", source="alpaca")

    lake.write(bars_of("S0", range(4, 6)), interval="1d", source="alpaca", replace=True)

    kept = lake.scan("1d").collect()
    assert kept.filter(pl.col("symbol") == "S0")["close"].to_list() == [10.0, 10.0]
    assert kept.filter(pl.col("symbol") == "S28").height == 7


@pytest.mark.parametrize("series", ["../x", "", "A"])
def test_no_series_leads_out_of_the_root(lake, series):
    with pytest.raises(UsageError):
        lake.folder("1d", series)
    assert not lake.root.exists()


def older_block(lake: Lake, symbol: str) -> None:
    """Write a block as the first version of the lake did: without adjustment and retrieval."""
    folder = lake.root / "1d" / "file"
    folder.mkdir(parents=True)
    bars = bars_of(symbol, range(2, 5)).with_columns(source=pl.lit("file"))
    bars.write_parquet(folder / block_name(symbol))


def test_a_block_of_an_older_version_is_read_as_given(lake):
    older_block(lake, "AAA")
    lake.write(bars_of("BBB", range(2, 4)), interval="1d", source="alpaca", adjustment="split")

    scanned = lake.scan("1d", source="file").collect()
    counted = lake.sql("select series, adjustment, count(*) n from bars group by all order by all")

    assert scanned["adjustment"].unique().to_list() == [AS_GIVEN]
    assert scanned["retrieved"].null_count() == 3
    assert counted.rows() == [("alpaca", "split", 2), ("file", AS_GIVEN, 3)]
    assert lake.status()["bars"].to_list() == [2, 3]


def test_a_write_brings_a_block_of_an_older_version_up_to_date(lake):
    older_block(lake, "AAA")

    lake.write(bars_of("AAA", range(5, 6), close=11), interval="1d", source="file")

    assert lake.scan("1d").collect()["close"].to_list() == [10.0] * 3 + [11.0]
    assert lake.scan("1d").collect().select(BAR_COLUMNS).height == 4
