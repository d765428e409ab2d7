"""The 39 columns that the original computes rightly, on its own bars."""

import numpy as np
import polars as pl
import pytest

from features.compute.catalog import FeatureSet
from features.compute.compute import compute_features
from places import SHARED

GOLDEN = SHARED / "golden" / "features_open.parquet"
KEYS = {"symbol", "ts", "open", "high", "low", "close", "volume"}

pytestmark = pytest.mark.skipif(not GOLDEN.exists(), reason="no golden features in ../shared")


@pytest.fixture(scope="module")
def golden() -> pl.DataFrame:
    return pl.read_parquet(GOLDEN).sort("symbol", "ts")


@pytest.fixture(scope="module")
def computed(golden: pl.DataFrame) -> pl.DataFrame:
    return compute_features(golden)


def test_the_set_has_every_golden_column(golden: pl.DataFrame) -> None:
    names = {column.name for column in FeatureSet.of("v6").columns}

    golden_names = set(golden.columns) - KEYS

    assert len(golden_names) == 39
    assert golden_names <= names


def test_each_golden_column_is_matched_after_its_warmup(
    golden: pl.DataFrame, computed: pl.DataFrame
) -> None:
    number = golden.select(pl.int_range(pl.len()).over("symbol")).to_series().to_numpy()

    largest = {}
    for column in FeatureSet.of("v6").columns:
        if column.name in golden.columns:
            expected = golden[column.name].cast(pl.Float64).to_numpy()
            difference = np.abs(computed[column.name].to_numpy() - expected)
            largest[column.name] = difference[number >= column.warmup].max()

    assert {name: value for name, value in largest.items() if not value <= 1e-6} == {}


def test_golden_columns_without_a_deliberate_difference_are_equal(
    golden: pl.DataFrame, computed: pl.DataFrame
) -> None:
    differing = {"zscore_20", "zscore_50", "bb_position"}
    names = set(golden.columns) - KEYS - differing
    warm = pl.int_range(pl.len()).over("symbol") >= 100

    expected = golden.filter(warm).select(pl.col(*names).cast(pl.Float64))

    for name in names:
        got = computed.filter(warm)[name].to_numpy()
        np.testing.assert_allclose(got, expected[name].to_numpy(), rtol=1e-9, atol=1e-11)
