"""A lake that older versions wrote: symbols under another spelling are found, and never doubled."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features import Lake
from features.bars.schema import BAR_SCHEMA
from features.lake.blocks import ORIGIN_SCHEMA, block_name, old_spellings
from features.quality.quarantine import Quarantine

NOW = datetime(2024, 2, 1, tzinfo=UTC)


def bars_of(symbol: str, days: range, close: float) -> pl.DataFrame:
    rows = [
        (symbol, datetime(2024, 1, day, tzinfo=UTC), close, close, close, close, 1.0)
        for day in days
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


def old_write(lake: Lake, *frames: pl.DataFrame) -> None:
    """As versions did that kept every spelling: no mark in the file."""
    for bars in frames:
        path = lake.folder("1d", "file") / block_name(bars["symbol"][0])
        origin = {"source": "file", "adjustment": "as given", "retrieved": None}
        columns = [pl.lit(v, dtype=ORIGIN_SCHEMA[name]).alias(name) for name, v in origin.items()]
        path.parent.mkdir(parents=True, exist_ok=True)
        there = [pl.read_parquet(path)] if path.exists() else []
        pl.concat([*there, bars.with_columns(columns)]).write_parquet(path)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """BRK.B on 2 and 3 January, BRK-B on 3 and 4, and another stock."""
    lake = Lake(tmp_path / "lake")
    old_write(lake, bars_of("BRK.B", range(2, 4), 10), bars_of("BRK-B", range(3, 5), 20))
    old_write(lake, bars_of("AAA", range(2, 5), 30))
    return lake


def closes(lake: Lake, symbol: str = "BRK-B") -> list[float]:
    return lake.scan("1d", symbols=[symbol]).collect()["close"].to_list()


def test_the_old_spelling_is_read_as_todays_and_each_bar_once(lake):
    assert block_name("BRK.B") != block_name("BRK-B")
    assert closes(lake) == closes(lake, "BRK.B") == [10.0, 20.0, 20.0]
    assert lake.scan("1d").collect()["symbol"].to_list() == ["AAA"] * 3 + ["BRK-B"] * 3
    assert lake.status().select("symbols", "bars").rows() == [(2, 6)]
    found = lake.sql("select symbol, sum(close) total from bars group by 1 order by 1")
    assert found.rows() == [("AAA", 90.0), ("BRK-B", 50.0)]


@pytest.mark.parametrize("spelt", ["BRK.B", "BRK-B", "brk/b"])
def test_a_later_write_makes_no_second_one(lake, spelt):
    lake.write(bars_of(spelt, range(4, 6), 40), interval="1d", source="file")

    assert closes(lake) == [10.0, 20.0, 40.0, 40.0]
    assert not any(old_spellings(block) for block in lake.blocks("1d"))
    symbols = pl.concat([pl.read_parquet(block) for block in lake.blocks("1d")])["symbol"]
    assert set(symbols) == {"AAA", "BRK-B"}


def test_a_crash_while_bars_are_moved_loses_and_doubles_none(lake):
    before = {block: block.read_bytes() for block in lake.blocks("1d")}
    lake.write(bars_of("AAA", range(5, 6), 30), interval="1d", source="file")
    old = lake.folder("1d", "file") / block_name("BRK.B")
    old.write_bytes(before[old])  # as if its bars were in the new place, and not yet out of the old

    assert closes(lake) == [10.0, 20.0, 20.0]
    lake.write(bars_of("AAA", range(8, 9), 30), interval="1d", source="file")
    assert closes(lake) == [10.0, 20.0, 20.0]
    assert not any(old_spellings(block) for block in lake.blocks("1d"))


def test_bars_under_an_old_spelling_can_be_set_aside_and_put_back(lake, tmp_path):
    quarantine = Quarantine(tmp_path / "quarantine")
    before = lake.scan("1d").collect()
    wrong = before.filter(pl.col("symbol") == "BRK-B").select("symbol", "ts", reason=pl.lit("x"))

    assert quarantine.set_aside(lake, wrong, interval="1d", series="file", now=NOW) == 3
    assert lake.scan("1d").collect()["symbol"].unique().to_list() == ["AAA"]
    (batch,) = quarantine.batches()
    assert quarantine.restore(lake, batch) == 3
    assert lake.scan("1d").collect().equals(before)
