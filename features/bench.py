"""How long the features of many symbols take: `ploutos bench features`."""

import resource
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from features.catalog import feature_names
from features.compute import compute_features


def bench_features(
    symbols: int = 500, bars: int = 8700, feature_set: str = "v6"
) -> dict[str, float | int]:
    """Compute the set on random walks and report what it took.

    Returns:
        `features_s` wall seconds, `cpu_s` processor seconds of all threads, `rows`, `columns`,
        `rows_per_s`, and `peak_mib`, the largest resident memory of this process so far.
    """
    table = random_walks(symbols, bars)
    cpu, start = time.process_time(), time.perf_counter()
    rows = compute_features(table, feature_set).height
    seconds = time.perf_counter() - start
    return {
        "features_s": seconds,
        "cpu_s": time.process_time() - cpu,
        "rows": rows,
        "columns": len(feature_names(feature_set)),
        "rows_per_s": rows / seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def random_walks(symbols: int, bars: int, seed: int = 0) -> pl.DataFrame:
    """Valid hourly bars of independent random walks, sorted by (symbol, ts)."""
    rng = np.random.default_rng(seed)
    shape = (symbols, bars)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.005, shape), axis=1))
    open_ = close * np.exp(rng.normal(0.0, 0.004, shape))
    spread = np.exp(np.abs(rng.normal(0.0, 0.002, shape)))
    start = datetime(2020, 1, 1, tzinfo=UTC)
    clock = pl.datetime_range(
        start, start + timedelta(hours=bars - 1), "1h", time_unit="us", eager=True
    )
    names = pl.Series("symbol", [f"W{number:04d}" for number in range(symbols)])
    return (
        names.to_frame()
        .join(clock.alias("ts").to_frame(), how="cross")
        .with_columns(
            open=pl.Series(open_.ravel()),
            high=pl.Series((np.maximum(open_, close) * spread).ravel()),
            low=pl.Series((np.minimum(open_, close) / spread).ravel()),
            close=pl.Series(close.ravel()),
            volume=pl.Series(rng.lognormal(12.0, 1.0, shape).ravel()),
        )
    )
