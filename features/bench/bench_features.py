"""How long features, one new bar, a scan and a Market take: `ploutos bench features`."""

import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import polars as pl

from features.bench.pandas_features import pandas_features
from features.compute.catalog import FeatureSet
from features.compute.compute import compute_features
from features.compute.incremental import FeatureWindow, window_bars
from features.compute.table import aligned_table
from features.lake.lake import Lake
from features.simulated.simulated import SimulatedMarket
from features.slots.scan import scan_sectors
from features.slots.scan_lake import LakeScans
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe

DAILY_SYMBOLS, DAILY_SESSIONS = 593, 2327  # 1.38 million daily bars
PANDAS_SHARE = 50  # pandas computes the 50th part of the symbols
REPEATS = 7

Build = Callable[[pl.DataFrame], object]
T = TypeVar("T")


def bench_features(
    symbols: int = 500,
    bars: int = 8700,
    feature_set: str = "v6",
    *,
    daily: tuple[int, int] = (DAILY_SYMBOLS, DAILY_SESSIONS),
    build_market: Build = aligned_table,
) -> dict[str, float | int]:
    """Compute the set on random walks, and a scan and a table on simulated daily bars.

    Args:
        symbols: Of the hourly bars.
        bars: Hourly bars a symbol.
        feature_set: Name of the set; pandas knows the columns of `v6`.
        daily: Symbols and sessions of the daily lake.
        build_market: What turns the lake's bars into a Market; the aligned table alone by default.

    Returns:
        `features_s`: wall seconds for the whole set, kernels compiled before. `features_speedup`:
        how many times as long, by the wall, pandas takes for the same columns, symbol by symbol,
        over a 50th of the symbols before and after, scaled. `peak_gib`: largest resident memory of
        the process after `features_s`. `one_bar_ms`: median of appending one bar to every symbol.
        `scan_s`: a scan of the daily lake, not from the cache. `market_s`: the daily lake to a
        Market. Then `rows`, `columns`, `rows_per_s`, `cpu_s` of `features_s`, and
        `features_speedup_cpu`: the speedup in processor seconds, which other work on the machine
        disturbs less.
    """
    table = random_walks(symbols, bars)
    compute_features(table.head(1), feature_set)
    few = max(1, symbols // PANDAS_SHARE)
    given = table.head(few * bars).to_pandas()
    before = _spent(lambda: pandas_features(given))
    spent = _spent(lambda: compute_features(table, feature_set))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    after = _spent(lambda: pandas_features(given))
    wall, cpu = ((x + y) / 2 / few * symbols for x, y in zip(before, after, strict=True))
    one_bar = _one_bar_ms(table, feature_set)
    scan, market = _daily(*daily, build_market)
    return {
        "features_s": spent[0],
        "features_speedup": wall / spent[0],
        "peak_gib": peak,
        "one_bar_ms": one_bar,
        "scan_s": scan,
        "market_s": market,
        "rows": table.height,
        "columns": len(FeatureSet.of(feature_set).names),
        "rows_per_s": table.height / spent[0],
        "cpu_s": spent[1],
        "features_speedup_cpu": cpu / spent[1],
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


def _one_bar_ms(table: pl.DataFrame, feature_set: str) -> float:
    """Median milliseconds of one more bar for every symbol."""
    clock = table["ts"].unique().sort()
    recent = table.filter(pl.col("ts") >= clock[-min(len(clock), window_bars() + REPEATS)])
    news = [recent.filter(pl.col("ts") == ts) for ts in clock[-REPEATS:]]
    window = FeatureWindow(recent.filter(pl.col("ts") < clock[-REPEATS]), feature_set)
    seconds = [_timed(partial(window.append, new))[0] for new in news]
    return float(np.median(seconds)) * 1e3


def _daily(symbols: int, sessions: int, build_market: Build) -> tuple[float, float]:
    """Seconds of a scan and of a Market from a lake of simulated daily bars."""
    market = SimulatedMarket(
        symbols=symbols, sessions=sessions, interval="1d", start=date(2014, 1, 2)
    )
    bars = market.bars()
    with TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake")
        lake.write(bars, interval="1d", source="simulated")
        scans = LakeScans(lake, _universe(market), Path(folder) / "scan")
        as_of = bars["ts"].sort()[-1].date()
        scan_s, _ = _timed(lambda: scan_sectors(scans.bars(), scans.universe, as_of))
        market_s, _ = _timed(lambda: build_market(scans.bars().collect()))
    return scan_s, market_s


def _universe(market: SimulatedMarket) -> Universe:
    """All symbols of the market, always in the index."""
    spells = [(symbol, None, None, symbol) for symbol in market.tickers()]
    sectors = [(symbol, symbol, name, None, None) for symbol, name in market.sectors().items()]
    return Universe(
        pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row"),
        pl.DataFrame(sectors, schema=SECTOR_SCHEMA, orient="row"),
        market.label,
        datetime.now(UTC),
    )


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and processor seconds."""
    cpu = time.process_time()
    wall, _ = _timed(work)
    return wall, time.process_time() - cpu
