from collections.abc import Callable
from cProfile import Profile
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError
from envs import TradingVectorEnv, V6Params
from envs.from_bars import market_from_bars
from envs.from_lake import LakeMarkets
from features import Lake, SimulatedMarket, feature_names, read_bars
from features.bars.bar_rules import defect
from features.compute.compute import usable_bars
from places import SHARED


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=3, sessions=80, interval="1h", seed=1).bars()


def test_bars_become_a_market_that_can_be_traded(bars: pl.DataFrame) -> None:
    market = market_from_bars(bars)
    assert market.symbols == tuple(sorted(bars["symbol"].unique()))
    assert market.feature_names == feature_names("v6")
    assert market.features.shape == (market.num_bars, 3, len(feature_names("v6")))
    assert market.tradable[-1].all()
    assert not market.tradable[0].any()
    env = TradingVectorEnv(market, V6Params.default(slippage_model="impact"), num_envs=2)
    env.reset(seed=0, options={"start": market.num_bars - 30})
    random = np.random.default_rng(0)
    for _ in range(25):
        infos = env.step(random.integers(0, 3, (2, 3)))[4]
    assert infos["total_trades"].min() > 3


def test_symbols_keep_the_order_they_are_asked_in(bars: pl.DataFrame) -> None:
    names = sorted(bars["symbol"].unique(), reverse=True)[:2]
    assert market_from_bars(bars, symbols=names).symbols == tuple(names)


def test_the_same_bars_make_the_same_fingerprint(bars: pl.DataFrame) -> None:
    shuffled = bars.reverse().sort("symbol", "ts")
    assert market_from_bars(bars).fingerprint == market_from_bars(shuffled).fingerprint
    assert market_from_bars(bars.filter(pl.col("ts") < pl.col("ts").max())).fingerprint != (
        market_from_bars(bars).fingerprint
    )


def test_bad_bars_are_refused(bars: pl.DataFrame) -> None:
    late = bars.filter(pl.col("ts") > pl.col("ts").max() - timedelta(days=2))
    with pytest.raises(DataError):
        market_from_bars(late)
    with pytest.raises(DataError):
        market_from_bars(bars.with_columns(close=pl.lit(-1.0)))


def test_real_hourly_bars_make_a_market() -> None:
    path = SHARED / "data" / "hourly.parquet"
    if not path.is_file():
        pytest.skip(f"the real bars are not at {path}")
    symbols = ["NVDA", "MSFT", "AAPL"]
    chosen = read_bars(path).filter(pl.col("symbol").is_in(symbols))
    market = market_from_bars(chosen, symbols=symbols)
    assert market.num_bars > 3000
    assert market.tradable.mean() > 0.7
    assert np.abs(market.features).max() <= 10.0


def calls(function: Callable[..., object], profile: Profile) -> int:
    """How often a profiled run called a function."""
    return sum(entry.callcount for entry in profile.getstats() if entry.code == function.__code__)


def test_bars_of_a_file_are_checked_once_on_their_way_to_lake_and_market(
    bars: pl.DataFrame, tmp_path: Path
) -> None:
    file, lake, profile = tmp_path / "bars.parquet", Lake(tmp_path / "lake"), Profile()
    bars.write_parquet(file)

    def file_to_market() -> None:
        checked = read_bars(file)
        lake.write(checked, interval=checked.interval, source="file")
        market_from_bars(checked.filter(pl.col("symbol") == checked.symbols[0]))

    profile.runcall(file_to_market)

    assert (calls(defect, profile), calls(usable_bars, profile)) == (1, 0)


def test_bars_of_the_lake_are_checked_once_on_their_way_to_a_market(
    bars: pl.DataFrame, tmp_path: Path
) -> None:
    lake, profile = Lake(tmp_path / "lake"), Profile()
    lake.write(bars, interval="1h", source="file")

    profile.runcall(LakeMarkets(lake, tmp_path / "tables").market, "1h")

    assert (calls(defect, profile), calls(usable_bars, profile)) == (1, 0)
