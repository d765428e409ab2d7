"""The set `sectors`: columns across symbols against independent formulas, and who counts when."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cluster.errors import DataError
from features import SimulatedMarket, aligned_table, compute_features, with_sectors
from features.compute.catalog import (
    FeatureSet,
    feature_fingerprint,
    feature_names,
    warmup_bars,
)
from features.compute.probes import probe_features
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe

MARKET = SimulatedMarket(symbols=33, sessions=60, interval="1h", seed=8)
PANEL = [column.name for column in FeatureSet.of("sectors").of_scope("panel")]
Matrix = NDArray[np.float64]


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Hourly bars with random gaps, one symbol that enters late and one that leaves early."""
    whole = MARKET.bars()
    gap = pl.Series(np.random.default_rng(3).random(whole.height) < 0.03)
    late = (pl.col("symbol") == "SIMK01") & (pl.col("ts").dt.date() < date(2016, 2, 1))
    gone = (pl.col("symbol") == "SIME02") & (pl.col("ts").dt.date() > date(2016, 2, 15))
    return whole.filter(~gap, ~late, ~gone)


@pytest.fixture(scope="module")
def features(bars: pl.DataFrame) -> pl.DataFrame:
    return compute_features(bars, "sectors")


def closes(bars: pl.DataFrame) -> tuple[Matrix, NDArray[np.str_]]:
    """Closes (T, A), NaN where there is no bar, and the sector of each column."""
    wide = bars.pivot("symbol", index="ts", values="close", sort_columns=True).sort("ts")
    sectors = MARKET.sectors()
    names = wide.columns[1:]
    return wide.drop("ts").to_numpy().astype(float), np.array([sectors[name] for name in names])


def lagged(close: Matrix, bars: int) -> Matrix:
    found = np.full_like(close, np.nan)
    found[bars:] = close[bars:] / close[:-bars] - 1
    return found


def wide(bars: pl.DataFrame, features: pl.DataFrame, column: str) -> Matrix:
    frame = features.select("symbol", "ts", column)
    return (
        frame.pivot("symbol", index="ts", values=column, sort_columns=True)
        .sort("ts")
        .drop("ts")
        .to_numpy()
        .astype(float)
    )


def same(got: Matrix, wanted: Matrix, close: Matrix) -> None:
    """Equal wherever there is a bar; what cannot be measured is 0."""
    there = ~np.isnan(close)
    np.testing.assert_allclose(got[there], np.nan_to_num(wanted)[there], rtol=1e-9, atol=1e-13)


def by_sector(values: Matrix, sectors: NDArray[np.str_]) -> Matrix:
    found = np.full_like(values, np.nan)
    for sector in np.unique(sectors):
        own = sectors == sector
        with np.errstate(invalid="ignore"):
            found[:, own] = np.nanmean(values[:, own], axis=1, keepdims=True)
    return found


pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:Degrees of freedom")


def test_the_set_is_v6_and_then_the_columns_across_symbols() -> None:
    names = feature_names("sectors")

    assert names[:72] == feature_names("v6")
    assert len(names) == 89
    assert warmup_bars("sectors") == warmup_bars("v6")
    assert {c.family for c in FeatureSet.of("sectors").columns} - {
        c.family for c in FeatureSet.of("v6").columns
    } == {"market", "sector", "session"}
    assert feature_fingerprint("sectors") != feature_fingerprint("v6")


def test_the_columns_of_v6_are_the_same_in_both_sets(
    bars: pl.DataFrame, features: pl.DataFrame
) -> None:
    v6 = compute_features(bars)

    assert features.select(v6.columns).equals(v6)
    assert features.columns == ["symbol", "ts", *feature_names("sectors")]
    assert set(features.dtypes[2:]) == {pl.Float64}


@pytest.mark.parametrize("lag", [1, 5, 20])
def test_market_returns_are_means_over_those_present(
    bars: pl.DataFrame, features: pl.DataFrame, lag: int
) -> None:
    close, _ = closes(bars)

    mean = np.nanmean(lagged(close, lag), axis=1, keepdims=True)

    same(wide(bars, features, f"market_return_{lag}"), mean + 0 * close, close)
    if lag > 1:
        relative = lagged(close, lag) - mean
        same(wide(bars, features, f"relative_to_market_{lag}"), relative, close)


def test_breadth_and_dispersion_are_over_those_present(
    bars: pl.DataFrame, features: pl.DataFrame
) -> None:
    close, sectors = closes(bars)
    r = lagged(close, 20)
    rising = np.where(np.isnan(r), np.nan, (r > 0) + 0.5 * (r == 0))

    breadth = np.nanmean(rising, axis=1, keepdims=True)
    same(
        wide(bars, features, "market_breadth_20"),
        np.where(np.isnan(breadth), 0.5, breadth) + 0 * close,
        close,
    )
    own = by_sector(rising, sectors)
    same(wide(bars, features, "sector_breadth_20"), np.where(np.isnan(own), 0.5, own), close)
    spread = np.nanstd(r, axis=1, ddof=1, keepdims=True)
    same(wide(bars, features, "market_dispersion_20"), spread + 0 * close, close)


def test_the_volatility_regime_is_that_of_the_mean_return(
    bars: pl.DataFrame, features: pl.DataFrame
) -> None:
    close, _ = closes(bars)
    market = np.nanmean(lagged(close, 1), axis=1)
    got = wide(bars, features, "market_vol_ratio_20_100")

    for t in (150, 250, 400):
        short, long = (np.sqrt(np.mean(market[t + 1 - n : t + 1] ** 2)) for n in (20, 100))
        there = ~np.isnan(close[t])
        assert got[t][there] == pytest.approx(short / long, rel=1e-9)
        volatility = wide(bars, features, "market_volatility_20")[t][there]
        assert volatility == pytest.approx(short, rel=1e-9)


def test_sector_columns_compare_with_the_own_sector(
    bars: pl.DataFrame, features: pl.DataFrame
) -> None:
    close, sectors = closes(bars)
    for lag in (5, 20):
        r = lagged(close, lag)
        relative = r - by_sector(r, sectors)
        same(wide(bars, features, f"relative_to_sector_{lag}"), relative, close)
    for lag in (20, 100):
        r = lagged(close, lag)
        momentum = by_sector(r, sectors) - np.nanmean(r, axis=1, keepdims=True)
        same(wide(bars, features, f"sector_momentum_{lag}"), momentum, close)


def test_the_rank_is_the_share_of_the_others_that_did_worse(
    bars: pl.DataFrame, features: pl.DataFrame
) -> None:
    close, sectors = closes(bars)
    r, got = lagged(close, 20), wide(bars, features, "rank_in_sector_20")

    for t in (100, 200, 300):
        for a in np.flatnonzero(~np.isnan(close[t])):
            others = [
                b for b in np.flatnonzero(sectors == sectors[a]) if b != a and not np.isnan(r[t, b])
            ]
            wanted = 0.5
            if others and not np.isnan(r[t, a]):
                wanted = sum(r[t, b] < r[t, a] for b in others) / len(others)
            assert got[t, a] == pytest.approx(wanted)


def test_equal_returns_share_a_rank() -> None:
    one = MARKET.bars().filter(pl.col("symbol") == "SIMK01")
    twins = pl.concat(one.with_columns(symbol=pl.lit(f"SIMK0{n}")) for n in (1, 2, 3))

    found = compute_features(twins, "sectors")

    assert found["rank_in_sector_20"].unique().to_list() == [0.5]
    assert found["relative_to_sector_20"].abs().max() == pytest.approx(0.0, abs=1e-15)
    assert found["market_dispersion_20"].abs().max() == pytest.approx(0.0, abs=1e-12)


def test_a_lone_symbol_is_its_own_market() -> None:
    one = MARKET.bars().filter(pl.col("symbol") == "SIMK01")

    found = compute_features(one, "sectors").tail(100)

    for column in ("relative_to_market_20", "relative_to_sector_5", "market_dispersion_20"):
        assert found[column].abs().max() == 0.0
    assert found["rank_in_sector_20"].unique().to_list() == [0.5]
    assert found["market_return_5"].equals(found["roc_5"].rename("market_return_5"))


def test_the_session_columns_tell_the_hour_of_new_york(features: pl.DataFrame) -> None:
    local = features.with_columns(pl.col("ts").dt.convert_time_zone("America/New_York"))
    first = local.filter(pl.col("ts").dt.hour() == 9)
    noon = local.filter(pl.col("ts").dt.hour() == 12)

    assert first["session_sine"].unique().to_list() == [0.0]
    assert first["session_cosine"].unique().to_list() == [1.0]
    share = 180 / 390
    assert noon["session_sine"].unique().to_list() == pytest.approx([np.sin(2 * np.pi * share)])
    daily = compute_features(
        SimulatedMarket(symbols=3, sessions=30, interval="1d").bars(), "sectors"
    )
    assert daily.select("session_sine", "session_cosine").unique().row(0) == (0.0, 1.0)


def test_no_column_knows_the_future_or_more_past_than_it_says(bars: pl.DataFrame) -> None:
    report = probe_features(bars, "sectors", cuts=3, max_symbols=40, seed=5)

    assert report.probes > 200
    assert report.violations == ()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_gaps_anywhere_leave_the_promises_as_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars = SimulatedMarket(symbols=12, sessions=40, seed=seed % 1000).bars()
    kept = bars.filter(pl.Series(rng.random(bars.height) > rng.uniform(0.0, 0.6)))

    report = probe_features(kept, "sectors", cuts=2, seed=seed % 97)

    assert report.violations == ()


def test_a_symbol_counts_only_where_it_has_bars(bars: pl.DataFrame) -> None:
    without = bars.filter(pl.col("symbol") != "SIMK01")
    entered = bars.filter(pl.col("symbol") == "SIMK01")["ts"].min()
    both = without["ts"] < entered

    whole, less = compute_features(bars, "sectors"), compute_features(without, "sectors")

    before = whole.filter(pl.col("symbol") != "SIMK01", pl.col("ts") < entered)
    assert before.equals(less.filter(both))
    after = whole.filter(pl.col("symbol") != "SIMK01", pl.col("ts") > entered)
    assert not after["market_return_1"].equals(less.filter(~both)["market_return_1"])


def test_sectors_come_from_the_mapping_the_column_or_the_simulated_name(
    bars: pl.DataFrame, features: pl.DataFrame
) -> None:
    sectors = MARKET.sectors()
    renamed = bars.with_columns(pl.col("symbol").str.replace("SIM", "X"))
    mapping = {name.replace("SIM", "X"): sector for name, sector in sectors.items()}

    by_mapping = compute_features(renamed, "sectors", mapping)
    by_column = compute_features(with_sectors(renamed, mapping), "sectors")

    assert by_mapping.drop("symbol").equals(features.drop("symbol"))
    assert by_column.equals(by_mapping)
    lazy = compute_features(with_sectors(renamed, mapping).lazy(), "sectors")
    assert lazy.collect().equals(by_mapping)


def test_a_universe_gives_each_bar_the_sector_of_its_day() -> None:
    changed = date(2016, 2, 1)
    universe = Universe(
        pl.DataFrame(schema=SPELL_SCHEMA),
        pl.DataFrame(
            [
                ("SIMK01", "", "Energy", None, date(2016, 1, 8)),
                ("SIMK01", "", "Utilities", None, changed),
            ],
            schema=SECTOR_SCHEMA,
            orient="row",
        ),
        "test",
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    one = MARKET.bars().filter(pl.col("symbol").is_in(["SIMK01", "SIMK02"]))

    found = with_sectors(one, universe)

    own = found.filter(pl.col("symbol") == "SIMK01")
    days = own["ts"].dt.date()
    assert own.filter(days < changed)["sector"].unique().to_list() == ["Energy"]
    assert own.filter(days >= changed)["sector"].unique().to_list() == ["Utilities"]
    assert found.filter(pl.col("symbol") == "SIMK02")["sector"].null_count() == own.height


def test_a_symbol_without_a_sector_is_refused_by_name(bars: pl.DataFrame) -> None:
    odd = bars.with_columns(pl.col("symbol").str.replace("SIMK01", "AAPL"))

    with pytest.raises(DataError, match="no sector for AAPL") as refusal:
        compute_features(odd, "sectors")

    assert "sector" in refusal.value.next_command
    assert compute_features(odd, "v6").height == odd.height


def test_no_bars_yield_no_rows(bars: pl.DataFrame) -> None:
    assert compute_features(bars.clear(), "sectors").shape == (0, 91)


def test_the_table_takes_the_set_and_its_sectors() -> None:
    market = SimulatedMarket(symbols=12, sessions=90, seed=4)
    bars = market.bars()
    named = bars.with_columns(pl.col("symbol").str.replace("SIM", "X"))
    mapping = {name.replace("SIM", "X"): sector for name, sector in market.sectors().items()}

    by_name = aligned_table(bars, "sectors")
    by_mapping = aligned_table(named, "sectors", sectors=mapping)
    by_column = aligned_table(with_sectors(named.reverse().sort("ts"), mapping), "sectors")

    assert by_name.feature_names == feature_names("sectors")
    assert by_name.features.shape[2] == 89
    np.testing.assert_array_equal(by_mapping.features, by_name.features)
    np.testing.assert_array_equal(by_column.features, by_name.features)
    assert np.abs(by_name.features).max() <= 10.0
    warm = by_name.features[by_name.tradable][:, 72:]
    assert np.abs(warm).mean() < 3.0  # the scales bring columns to order 1


def test_daily_bars_stamped_at_the_close_keep_their_sectors() -> None:
    market = SimulatedMarket(symbols=4, sessions=400, interval="1d")
    bars = with_sectors(market.bars(), market.sectors())
    late = bars.with_columns(pl.col("ts").dt.offset_by("21h"))

    np.testing.assert_array_equal(
        aligned_table(late, "sectors").features, aligned_table(bars, "sectors").features
    )
