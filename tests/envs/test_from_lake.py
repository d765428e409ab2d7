"""The Market of the lake: built once for the same bars, memory-mapped, named by content."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError, UsageError
from envs.from_bars import market_from_bars
from envs.from_lake import LakeMarkets
from envs.market import Market
from features import Lake, SimulatedMarket, warmup_bars

MARKET = SimulatedMarket(symbols=3, sessions=380, interval="1d", seed=5)


@pytest.fixture
def markets(tmp_path: Path) -> LakeMarkets:
    lake = Lake(tmp_path / "lake")
    lake.write(MARKET.bars(), interval="1d", source="file")
    return LakeMarkets(lake, tmp_path / "tables")


def is_mapped(array: np.ndarray) -> bool:
    base: object = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return isinstance(base, np.memmap)


def test_it_is_the_market_of_these_bars_named_by_its_content(markets: LakeMarkets) -> None:
    found = markets.market("1d")

    wanted = market_from_bars(MARKET.bars())
    assert found.built
    assert found.left_out == ()
    assert found.market.fingerprint == wanted.fingerprint
    assert found.path.name == wanted.fingerprint[:16]
    assert is_mapped(found.market.features)


def test_the_same_bars_are_built_once(markets: LakeMarkets) -> None:
    first = markets.market("1d")
    header = first.path / "market.json"
    written = header.stat().st_mtime_ns

    again = markets.market("1d")

    assert not again.built
    assert again.path == first.path
    assert header.stat().st_mtime_ns == written
    assert is_mapped(again.market.close)


def test_another_bar_choice_or_feature_set_is_built_anew(markets: LakeMarkets) -> None:
    first = markets.market("1d")

    chosen = markets.market("1d", symbols=["SIMC01", "SIMB01"])
    sectors = markets.market("1d", "sectors", sectors=MARKET.sectors())
    last = MARKET.bars().filter(pl.col("ts") == pl.col("ts").max())
    markets.lake.write(last.with_columns(volume=pl.lit(1.0)), interval="1d", source="file")
    changed = markets.market("1d")

    assert chosen.market.symbols == ("SIMC01", "SIMB01")
    assert sectors.market.features.shape[2] == 89
    assert changed.built
    assert len({m.market.fingerprint for m in (first, chosen, sectors, changed)}) == 4
    assert markets.market("1d", symbols=["SIMC01", "SIMB01"]).market.volume[-1, 0] == 1.0


def test_a_market_that_was_deleted_is_built_again(markets: LakeMarkets) -> None:
    first = markets.market("1d")
    shutil.rmtree(first.path)

    again = markets.market("1d")

    assert again.built
    assert Market.load(again.path).fingerprint == first.market.fingerprint


def test_symbols_without_enough_bars_are_left_out_by_name_unless_asked_for(
    markets: LakeMarkets,
) -> None:
    young = MARKET.bars().filter(pl.col("symbol") == "SIMB01").tail(warmup_bars())
    young = young.with_columns(symbol=pl.lit("NEW"))
    markets.lake.write(young, interval="1d", source="file")

    found = markets.market("1d")

    assert found.left_out == ("NEW",)
    assert "NEW" not in found.market.symbols
    assert markets.market("1d").left_out == ("NEW",)
    with pytest.raises(DataError, match="NEW has no usable bar"):
        markets.market("1d", symbols=["NEW", "SIMB01"])


def test_two_series_are_never_mixed(markets: LakeMarkets) -> None:
    markets.lake.write(MARKET.bars(), interval="1d", source="alpaca")

    with pytest.raises(UsageError, match="series of alpaca, file") as refused:
        markets.market("1d")

    assert "--source alpaca" in refused.value.next_command
    assert markets.market("1d", source="file").built


def test_simulated_series_do_not_count_beside_real_ones(markets: LakeMarkets) -> None:
    markets.lake.write(MARKET.bars(), interval="1d", source=MARKET.source)

    assert markets.market("1d").series == "file"
    assert markets.market("1d", source=MARKET.source).series == MARKET.source


def test_a_market_tells_who_its_bars_were_had_from(markets: LakeMarkets) -> None:
    # given: the newest session of one symbol comes from a vendor, proven equal
    when = datetime(2017, 7, 20, 21, tzinfo=UTC)
    last = MARKET.bars().filter(pl.col("symbol") == "SIMB01").tail(1)
    markets.lake.write(
        last, interval="1d", source="alpaca", adjustment="split", retrieved=when, series="file"
    )

    vendor, file = markets.market("1d").origins

    assert (vendor.source, vendor.adjustment, vendor.bars) == ("alpaca", "split", 1)
    assert vendor.first == vendor.last == last["ts"][0].replace(hour=0)
    assert vendor.retrieved == when
    assert (file.source, file.adjustment, file.bars) == ("file", "as given", 3 * 380 - 1)
    assert markets.market("1d").origins == (vendor, file)  # read from the note


def test_a_period_that_cuts_nothing_is_the_same_market_and_not_built_again(
    tmp_path: Path,
) -> None:
    bars = SimulatedMarket(symbols=2, sessions=600, interval="1d").bars()
    markets = LakeMarkets(Lake(tmp_path / "lake"), tmp_path / "tables")
    markets.lake.write(bars, interval="1d", source="file")
    whole = markets.market("1d")

    three_years, two_years = markets.market("1d", years=3), markets.market("1d", years=2)

    assert (three_years.built, three_years.path) == (False, whole.path)
    assert two_years.built
    assert two_years.market.ts[0].item().replace(tzinfo=UTC) > bars["ts"].max() - timedelta(732)
    assert 500 <= two_years.market.num_bars <= 508


def test_missing_symbols_are_named_with_the_command_that_fetches_them(markets: LakeMarkets) -> None:
    with pytest.raises(DataError, match="no bars for AAPL, MSFT") as refused:
        markets.market("1d", symbols=["MSFT", "SIMB01", "AAPL"], years=1)

    start = MARKET.bars()["ts"].max().date() - timedelta(days=366)
    command = f"ploutos data fetch AAPL MSFT --interval 1d --start {start}"
    assert refused.value.next_command == command


def test_a_lake_whose_symbols_are_all_too_short_is_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(MARKET.bars().group_by("symbol").head(20), interval="1d", source="file")

    with pytest.raises(DataError, match=r"no symbol has enough bars: SIM.01 has most, 20"):
        LakeMarkets(lake, tmp_path / "tables").market("1d")


def test_a_lake_without_these_bars_is_refused(markets: LakeMarkets) -> None:
    with pytest.raises(DataError, match=r"no 1h bars.* has 1d bars of 3 symbols \(file\)") as no:
        markets.market("1h", symbols=["SIMB01"])

    assert "ploutos data fetch SIMB01 --interval 1h --start" in no.value.next_command
