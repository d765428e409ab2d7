"""`FeatureWindow`: one more bar gives what the whole computation gives."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError, DataError
from features import SimulatedMarket, compute_features
from features.bench.bench_features import random_walks
from features.compute.catalog import FeatureSet, feature_names, warmup_bars
from features.compute.incremental import FeatureWindow, window_bars

SETS = ("v6", "sectors")


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Simulated hourly bars whose prices and volumes differ by six orders of magnitude."""
    whole = SimulatedMarket(symbols=22, sessions=100, seed=6).bars()
    level = 10.0 ** (pl.col("symbol").rank("dense").cast(pl.Int64) % 7 - 3)
    prices = pl.col("open", "high", "low", "close")
    return whole.with_columns(prices * level, pl.col("volume") * level)


def agree(got: pl.DataFrame, wanted: pl.DataFrame, feature_set: str) -> None:
    """The same keys, and values within 1e-9 of the value or of the column's scale."""
    keys = ["symbol", "ts"]
    assert got.columns == wanted.columns
    assert got.select(keys).equals(wanted.select(keys))
    left, right = (frame.drop(keys).to_numpy() for frame in (got, wanted))
    scale = np.array([column.scale for column in FeatureSet.of(feature_set).columns])
    off = np.abs(left - right) > 1e-9 * np.maximum(np.abs(right), scale)
    assert [feature_names(feature_set)[f] for f in np.flatnonzero(off.any(axis=0))] == []


@pytest.mark.parametrize("feature_set", SETS)
def test_each_of_ten_new_bars_is_as_in_the_whole_computation(
    bars: pl.DataFrame, feature_set: str
) -> None:
    clock = bars["ts"].unique().sort()
    wanted = compute_features(bars, feature_set)
    window = FeatureWindow(bars.filter(pl.col("ts") < clock[-10]), feature_set)

    for ts in clock[-10:]:
        got = window.append(bars.filter(pl.col("ts") == ts))
        agree(got, wanted.filter(pl.col("ts") == ts), feature_set)


def test_five_hundred_symbols_at_once() -> None:
    walks = random_walks(500, 480, seed=2)
    sectors = {f"W{number:04d}": f"sector {number % 11}" for number in range(500)}
    last = walks["ts"].max()
    window = FeatureWindow(walks.filter(pl.col("ts") < last), "sectors", sectors)

    got = window.append(walks.filter(pl.col("ts") == last))

    wanted = compute_features(walks, "sectors", sectors).filter(pl.col("ts") == last)
    assert got.height == 500
    agree(got, wanted, "sectors")


@pytest.mark.parametrize("feature_set", SETS)
def test_several_bars_at_once_are_as_one_by_one(bars: pl.DataFrame, feature_set: str) -> None:
    cut = bars["ts"].unique().sort()[-5]
    old, new = bars.filter(pl.col("ts") < cut), bars.filter(pl.col("ts") >= cut)

    got = FeatureWindow(old, feature_set).append(new.sample(fraction=1.0, shuffle=True, seed=1))

    agree(got, compute_features(bars, feature_set).filter(pl.col("ts") >= cut), feature_set)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(SETS))
def test_gaps_pauses_and_new_symbols_change_nothing(seed: int, feature_set: str) -> None:
    rng = np.random.default_rng(seed)
    whole = SimulatedMarket(symbols=9, sessions=75, seed=seed % 500).bars()
    kept = whole.filter(pl.Series(rng.random(whole.height) > rng.uniform(0.0, 0.5)))
    clock = kept["ts"].unique().sort()
    enters = (pl.col("symbol") == "SIMB01") & (pl.col("ts") < clock[-2])
    kept = kept.filter(~enters)
    window = FeatureWindow(kept.filter(pl.col("ts") < clock[-3]), feature_set)
    wanted = compute_features(kept, feature_set)

    for ts in clock[-3:]:
        got = window.append(kept.filter(pl.col("ts") == ts))
        agree(got, wanted.filter(pl.col("ts") == ts), feature_set)


@pytest.mark.parametrize("feature_set", SETS)
def test_the_window_is_bounded(bars: pl.DataFrame, feature_set: str) -> None:
    clock = bars["ts"].unique().sort()
    window = FeatureWindow(bars.filter(pl.col("ts") < clock[-3]), feature_set)

    for ts in clock[-3:]:
        window.append(bars.filter(pl.col("ts") == ts))

    assert window_bars(feature_set) == 468
    assert window_bars(feature_set) > warmup_bars(feature_set)
    assert window.bars.height == 22 * 468
    assert window.bars["ts"].max() == clock[-1]


def test_bars_before_the_window_change_nothing(bars: pl.DataFrame) -> None:
    last = bars["ts"].max()
    kept = bars.group_by("symbol", maintain_order=True).tail(window_bars())
    new = bars.filter(pl.col("ts") == last)

    one = FeatureWindow(bars.filter(pl.col("ts") < last)).append(new)
    other = FeatureWindow(kept.filter(pl.col("ts") < last)).append(new)

    agree(one, other, "v6")


def test_a_history_can_be_shorter_than_the_window() -> None:
    bars = SimulatedMarket(symbols=3, sessions=5).bars()
    clock = bars["ts"].unique().sort()
    window = FeatureWindow(bars.filter(pl.col("ts") < clock[4]), "sectors")

    wanted = compute_features(bars, "sectors")
    for ts in clock[4:]:
        got = window.append(bars.filter(pl.col("ts") == ts))
        agree(got, wanted.filter(pl.col("ts") == ts), "sectors")


def test_a_bar_that_is_not_later_is_refused_and_nothing_changes(bars: pl.DataFrame) -> None:
    clock = bars["ts"].unique().sort()
    window = FeatureWindow(bars.filter(pl.col("ts") < clock[-1]))
    before = window.bars

    with pytest.raises(DataError, match="is not a new bar") as refusal:
        window.append(bars.filter(pl.col("ts") == clock[-2]))

    assert "compute_features" in refusal.value.next_command
    assert window.bars.equals(before)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 0.0, -1.0])
def test_a_bad_bar_is_refused_and_nothing_changes(bars: pl.DataFrame, value: float | None) -> None:
    last = bars["ts"].max()
    window = FeatureWindow(bars.filter(pl.col("ts") < last))
    before = window.bars
    new = bars.filter(pl.col("ts") == last).with_columns(close=pl.lit(value, dtype=pl.Float64))

    with pytest.raises(DataError, match="close of SIMB01"):
        window.append(new)

    assert window.bars.equals(before)


def test_what_has_no_sector_and_a_set_that_is_none_are_refused(bars: pl.DataFrame) -> None:
    named = bars.with_columns(pl.col("symbol").str.replace("SIM", "X"))

    with pytest.raises(DataError, match="no sector for"):
        FeatureWindow(named, "sectors")
    with pytest.raises(ConfigError, match="no feature set 'v7'"):
        FeatureWindow(bars, "v7")


def test_daily_bars_work_alike() -> None:
    bars = SimulatedMarket(symbols=6, sessions=520, interval="1d").bars()
    last = bars["ts"].max()
    window = FeatureWindow(bars.filter(pl.col("ts") < last), "sectors")

    got = window.append(bars.filter(pl.col("ts") == last))

    assert got["ts"].unique().to_list() == [last]
    assert window.bars["ts"].n_unique() == 468
    agree(got, compute_features(bars, "sectors").filter(pl.col("ts") == last), "sectors")
