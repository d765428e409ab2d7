"""On real bars: no column constant, none saturated, and no look-ahead."""

import polars as pl
import pytest

from features.compute.catalog import FeatureSet, warmup_bars
from features.compute.compute import compute_features
from features.compute.probes import probe_features
from places import DATA

LIMIT = 10.0  # where the feature table clips

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="no real bars in ../shared")


def hourly_session_bars() -> pl.DataFrame:
    """Bars of the full hours inside the regular New York session."""
    hour = pl.col("ts").dt.convert_time_zone("America/New_York").dt.hour()
    bars = pl.read_parquet(DATA / "hourly.parquet")
    return bars.filter(hour.is_between(10, 15)).sort("symbol", "ts")


def daily_bars() -> pl.DataFrame:
    """Every twelfth stock."""
    bars = pl.read_parquet(DATA / "daily.parquet")
    chosen = bars["symbol"].unique().sort().gather_every(12)
    return bars.filter(pl.col("symbol").is_in(chosen.to_list())).sort("symbol", "ts")


@pytest.fixture(scope="module", params=[hourly_session_bars, daily_bars], ids=["hourly", "daily"])
def bars(request: pytest.FixtureRequest) -> pl.DataFrame:
    return request.param()


@pytest.fixture(scope="module")
def features(bars: pl.DataFrame) -> pl.DataFrame:
    warm = pl.int_range(pl.len()).over("symbol") >= warmup_bars()
    return compute_features(bars).filter(warm)


def test_flags_take_both_values(features: pl.DataFrame) -> None:
    shares = {c.name: features[c.name].mean() for c in FeatureSet.of("v6").columns if c.is_flag}

    assert {name: share for name, share in shares.items() if not 0.002 <= share <= 0.998} == {}


def test_numbers_are_of_order_1_after_their_scale(features: pl.DataFrame) -> None:
    spreads = {
        c.name: features[c.name].std() / c.scale
        for c in FeatureSet.of("v6").columns
        if not c.is_flag
    }

    assert {name: spread for name, spread in spreads.items() if not 0.1 <= spread <= 4} == {}


def test_at_most_one_value_in_a_hundred_is_clipped(features: pl.DataFrame) -> None:
    clipped = {
        c.name: (features[c.name].abs() >= LIMIT * c.scale).mean()
        for c in FeatureSet.of("v6").columns
    }

    assert {name: share for name, share in clipped.items() if share > 0.01} == {}


def test_probes_find_nothing(bars: pl.DataFrame) -> None:
    report = probe_features(bars, cuts=2, max_symbols=8)

    assert report.violations == ()
    assert report.probes >= 30
