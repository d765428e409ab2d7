"""The Market of the lake: built once for the same bars, memory-mapped, named by content."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError
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

    with pytest.raises(DataError, match="series of alpaca, file") as refused:
        markets.market("1d")

    assert "--source alpaca" in refused.value.next_command
    assert markets.market("1d", source="file").built


def test_a_lake_without_these_bars_is_refused(markets: LakeMarkets) -> None:
    with pytest.raises(DataError, match="no 1h bars"):
        markets.market("1h")
