"""`bench features`: its keys, and that the pandas twin computes the same columns."""

import numpy as np
import polars as pl
import pytest

from features.bench.bench_features import bench_features, random_walks
from features.bench.pandas_features import pandas_features
from features.compute.catalog import feature_names
from features.compute.compute import compute_features


def test_the_keys_come_in_the_order_of_the_targets() -> None:
    built: list[pl.DataFrame] = []

    report = bench_features(4, 600, daily=(22, 420), build_market=built.append)

    assert list(report)[:7] == [
        "features_s",
        "features_speedup",
        "peak_gib",
        "one_bar_ms",
        "scan_s",
        "market_s",
        "rows",
    ]
    assert report["rows"] == 2400
    assert report["columns"] == 72
    assert report["rows_per_s"] == pytest.approx(2400 / report["features_s"])
    assert all(value > 0 for value in report.values())
    assert built[0].height == 22 * 420


def test_pandas_computes_the_same_columns() -> None:
    bars = random_walks(3, 700, seed=4)

    twin = pl.from_pandas(pandas_features(bars.to_pandas()))

    ours = compute_features(bars)
    assert set(twin.columns) == set(ours.columns)
    assert twin["symbol"].to_list() == ours["symbol"].to_list()
    warm = np.tile(np.arange(700) >= 350, 3)
    for name in feature_names():
        got, wanted = (frame[name].to_numpy()[warm] for frame in (twin, ours))
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("symbols", [1, 3])
def test_one_symbol_is_enough_for_pandas(symbols: int) -> None:
    report = bench_features(symbols, 500, daily=(11, 400))

    assert report["features_speedup"] > 0
