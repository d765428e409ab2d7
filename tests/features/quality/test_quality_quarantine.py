"""Bars set aside: all of them kept, nothing else touched, and every step reversible."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError, UsageError
from features import Lake, SimulatedMarket
from features.lake.blocks import block_name
from features.quality.quarantine import Quarantine
from features.quality.repair import check_lake, plan_repair, repair

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
PRICES = ("open", "high", "low", "close")


@pytest.fixture
def bars() -> pl.DataFrame:
    """Daily bars of five symbols; one bar of the second is in another unit."""
    bars = SimulatedMarket(symbols=5, sessions=120, interval="1d", seed=1).bars()
    wrong = pl.int_range(pl.len()) == 120 + 80
    return bars.with_columns(pl.when(wrong).then(pl.col(p) * 10).otherwise(p) for p in PRICES)


@pytest.fixture
def lake(tmp_path, bars) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.write(bars, interval="1d", source="file")
    lake.write(bars, interval="1d", source="other")
    return lake


@pytest.fixture
def quarantine(tmp_path) -> Quarantine:
    return Quarantine(tmp_path / "quarantine")


def content(lake: Lake, source: str = "file") -> pl.DataFrame:
    return lake.scan("1d", source=source).collect()


def test_a_plan_names_the_wrong_bars_and_touches_nothing(lake, bars, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}

    (plan, other) = plan_repair(lake, now=NOW)

    assert (plan.interval, plan.series, other.series) == ("1d", "file", "other")
    assert plan.wrong.select("symbol", "ts", "check").rows() == [(*bars.row(200)[:2], "unit")]
    assert plan.beyond.height == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before


def test_one_series_can_be_chosen(lake):
    assert [series for _, series, _ in check_lake(lake, source="other")] == ["other"]


def test_a_repair_moves_the_wrong_bar_and_leaves_all_others(lake, quarantine, bars):
    before, other = content(lake), content(lake, "other")

    count = repair(lake, quarantine, plan_repair(lake, source="file", now=NOW), now=NOW)

    assert count == 1
    assert content(lake).equals(before.filter(pl.int_range(pl.len()) != 200))
    assert content(lake, "other").equals(other)
    (batch,) = quarantine.batches()
    kept = pl.read_parquet(batch.path)
    assert kept.select(bars.columns).equals(bars[200:201])
    assert kept["reason"][0].endswith("a unit error")
    assert kept["quarantined"][0] == NOW
    assert (batch.interval, batch.series, batch.bars) == ("1d", "file", 1)


def test_after_a_repair_nothing_is_left_to_do(lake, quarantine):
    repair(lake, quarantine, plan_repair(lake, now=NOW), now=NOW)

    assert [plan.wrong.height for plan in plan_repair(lake, now=NOW)] == [0, 0]
    assert repair(lake, quarantine, plan_repair(lake, now=NOW), now=NOW) == 0


def test_what_was_set_aside_goes_back_as_it_was(lake, quarantine):
    before = content(lake)
    repair(lake, quarantine, plan_repair(lake, now=NOW), now=NOW)

    restored = sum(quarantine.restore(lake, batch) for batch in quarantine.batches("file"))

    assert restored == 1
    assert content(lake).equals(before)
    assert [batch.series for batch in quarantine.batches()] == ["other"]


def test_a_bar_that_was_fetched_again_is_not_overwritten(lake, quarantine, bars):
    repair(lake, quarantine, plan_repair(lake, now=NOW), now=NOW)
    mended = bars[200:201].with_columns(pl.col(p) / 10 for p in PRICES)
    lake.write(mended, interval="1d", source="file")
    before = content(lake)

    (batch,) = quarantine.batches("file")

    assert quarantine.restore(lake, batch) == 0
    assert content(lake).equals(before)
    assert quarantine.batches("file") == [batch]


def test_a_crash_between_the_two_writes_loses_nothing(lake, quarantine, tmp_path):
    blocks = {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*.parquet")}
    repair(lake, quarantine, plan_repair(lake, source="file", now=NOW), now=NOW)
    for path, data in blocks.items():  # as if the lake had not been written any more
        path.write_bytes(data)

    repair(lake, quarantine, plan_repair(lake, source="file", now=NOW), now=NOW)

    assert content(lake).height == 599
    assert [batch.bars for batch in quarantine.batches("file")] == [1]


def test_a_symbol_of_only_wrong_bars_leaves_no_empty_block(lake, quarantine, bars):
    symbol = bars["symbol"][0]
    wrong = bars.filter(pl.col("symbol") == symbol).select("symbol", "ts", reason=pl.lit("x"))

    count = quarantine.set_aside(lake, wrong, interval="1d", series="file", now=NOW)

    assert count == 120
    assert symbol not in set(content(lake)["symbol"])
    assert not (lake.folder("1d", "file") / block_name(symbol)).exists()


def test_bars_that_the_lake_does_not_have_are_not_counted(lake, quarantine, bars):
    absent = bars.head(1).select(pl.lit("NONE").alias("symbol"), "ts", reason=pl.lit("x"))

    assert quarantine.set_aside(lake, absent, interval="1d", series="file", now=NOW) == 0
    assert not quarantine.root.exists()


def test_rejected_bars_are_kept_apart_and_never_restored(quarantine, bars):
    broken = bars.head(2).with_columns(
        close=pl.lit(None, dtype=pl.Float64), reason=pl.lit("close is not a finite number")
    )

    path = quarantine.reject(broken, source="file", now=NOW)

    assert path is not None
    assert path.parent == quarantine.root / "rejected" / "file"
    assert pl.read_parquet(path).equals(broken)
    assert quarantine.batches() == []
    assert quarantine.reject(broken.clear(), source="file", now=NOW) is None


@pytest.mark.parametrize("series", ["../../x", "; drop", "A", ""])
def test_no_name_leads_out_of_the_lake(lake, quarantine, bars, series, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    wrong = bars.head(1).select("symbol", "ts", reason=pl.lit("x"))

    with pytest.raises(UsageError):
        quarantine.set_aside(lake, wrong, interval="1d", series=series, now=NOW)

    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_batch_is_named(quarantine):
    path: Path = quarantine.root / "1d" / "file" / "20260102T120000-00000000.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")

    with pytest.raises(DataError, match="is damaged"):
        quarantine.batches()
