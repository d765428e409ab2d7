"""Bars and features of all symbols on one clock, as the arrays that environments take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cluster.errors import DataError
from features.bars.checks import Bars, CheckedBars, check_bars, dated_at_midnight
from features.bars.grid import Grid, Matrix, naive_utc
from features.bars.sessions import OUTSIDE, session_index
from features.bars.symbols import canonical_symbols, respelt
from features.compute.catalog import FeatureSet
from features.compute.compute import features_of
from features.compute.feature_limit import FEATURE_LIMIT
from features.universe.sector_of import with_sectors
from features.universe.universe import Universe

VOLATILITY_WINDOW = 20  # bars
BLOCK = 4096  # bars that are turned from columns into rows at once: they stay in the cache


@dataclass(frozen=True, eq=False)
class AlignedTable:
    """T bars of A symbols with F features each, on one clock.

    Where a symbol has no bar, `open`, `high`, `low` and `close` are its last close, and 0 before
    its first bar. A bar is tradable when the symbol has it and all its features are full-window
    measurements; elsewhere features and volume are 0.
    """

    ts: NDArray[np.datetime64]  # (T,) datetime64[us], bar open, UTC
    session: NDArray[np.int64]  # (T,) number of the XNYS session, 0 is 1990-01-02
    symbols: tuple[str, ...]  # (A,)
    feature_names: tuple[str, ...]  # (F,)
    open: NDArray[np.float64]  # (T, A) USD
    high: NDArray[np.float64]  # (T, A) USD
    low: NDArray[np.float64]  # (T, A) USD
    close: NDArray[np.float64]  # (T, A) USD
    volume: NDArray[np.float64]  # (T, A) shares
    volatility: NDArray[np.float64]  # (T, A) standard deviation of the last 20 bars' log returns
    tradable: NDArray[np.bool_]  # (T, A)
    features: NDArray[np.float32]  # (T, A, F) raw column / its scale, within [-10, 10]


def aligned_table(
    bars: Bars,
    feature_set: str | FeatureSet = "v6",
    symbols: Sequence[str] | None = None,
    sectors: Mapping[str, str] | None = None,
) -> AlignedTable:
    """Put bars and their features on one clock: every bar of any symbol inside a session.

    Bars that start before the open or after the close are dropped before features are computed.
    Row t depends on bars <= t only.

    Args:
        bars: Hourly or daily bars, checked or as `check_bars` takes them, then with a column
            `sector` where the set needs one and `sectors` is None.
        feature_set: The feature set, or its name.
        symbols: Which symbols, in the order of the columns; all, sorted, when None. Columns that
            compare symbols compare these.
        sectors: Sector of each symbol, as `compute_features` takes it.

    Raises:
        DataError: a bad bar; a symbol without bars, without a sector that the set needs, or with
            too few bars to warm its features up.
    """
    features = FeatureSet.of(feature_set)
    chosen, order = bars, canonical_symbols(symbols or ())
    if symbols is not None:
        bars = bars if isinstance(bars, CheckedBars) else respelt(bars)
        _refuse_missing(bars, order)
        chosen = bars.filter(pl.col("symbol").is_in(list(order)))
    checked = check_bars(chosen, origin="bars")
    order = order or checked.symbols
    inside = session_bars(checked, _own_sectors(chosen))
    grid = Grid.of(inside, order)
    _refuse_unusable(grid, grid.number >= features.warmup, order, features.warmup)
    return _laid_out(inside, features_of(inside, features, sectors), order, features)


def names_table(
    bars: CheckedBars, feature_set: FeatureSet, names: Sequence[str], universe: Universe
) -> AlignedTable:
    """`aligned_table` of some of the bars' symbols, on the clock of all; none need be tradable.

    Columns that compare symbols compare all that have a sector: neither they nor the clock depend
    on who is named.

    Args:
        bars: Hourly or daily.
        feature_set: The feature set.
        names: Which symbols, in the order of the columns.
        universe: Sectors of every day, for a set that compares symbols.

    Raises:
        DataError: a symbol without bars.
    """
    _refuse_missing(bars, names)
    inside = session_bars(bars)
    named = pl.col("symbol").is_in(list(names))
    if feature_set.compares_symbols:
        compared = with_sectors(inside, universe).drop_nulls("sector")
        features = features_of(compared, feature_set).filter(named)
    else:
        features = features_of(inside.filter(named), feature_set)
    return _laid_out(inside, features, tuple(names), feature_set)


def _laid_out(
    inside: pl.DataFrame, columns: pl.DataFrame, order: tuple[str, ...], feature_set: FeatureSet
) -> AlignedTable:
    """Raw features, and the bars of the same symbols among `inside`, on the clock of all."""
    clock = inside.select("ts", "session").unique("ts").sort("ts")
    bars = inside.filter(pl.col("symbol").is_in(list(order)))
    grid = Grid.of(bars, order, naive_utc(clock["ts"]))
    usable = grid.number >= feature_set.warmup
    return AlignedTable(
        ts=grid.clock,
        session=clock["session"].to_numpy(),
        symbols=order,
        feature_names=feature_set.names,
        **_prices(bars, grid),
        volume=grid.matrix(np.where(usable, bars["volume"].to_numpy(), 0.0)),
        volatility=grid.carried(_volatility(bars)),
        tradable=grid.flags(usable),
        features=_table(columns.select(feature_set.names), feature_set.scales, usable, grid),
    )


def _own_sectors(bars: Bars) -> list[pl.Series]:
    """The column `sector` that bars came with, in the order of the checked ones; none or one."""
    if isinstance(bars, CheckedBars) or "sector" not in bars.columns:
        return []
    return [bars.sort("symbol", "ts")["sector"]]


def session_bars(bars: CheckedBars, columns: Sequence[pl.Series] = ()) -> pl.DataFrame:
    """The bars that start inside a regular XNYS session, with its number as column `session`.

    Daily bars get midnight UTC of their date as time.

    Args:
        bars: Hourly or daily.
        columns: (N,) more columns of these bars, which the result has too.

    Raises:
        DataError: there is none, or a symbol has two daily bars on one date.
    """
    daily = bars.interval == "1d"
    rows = dated_at_midnight(bars.frame) if daily else bars.frame
    session = session_index(naive_utc(rows["ts"]), daily=daily)
    if (session == OUTSIDE).all():
        raise DataError(
            "no bar starts inside a session of the New York Stock Exchange",
            f"{rows.height} bars from {rows['ts'].min()!s} to {rows['ts'].max()!s}",
            "give times in UTC: New York opens at 13:30 or 14:30 UTC",
        )
    return rows.with_columns(*columns, session=session).filter(pl.col("session") != OUTSIDE)


def _refuse_missing(bars: Bars, symbols: Sequence[str]) -> None:
    if not symbols:
        return
    having = (bars.frame if isinstance(bars, CheckedBars) else bars)["symbol"].unique()
    missing = sorted(set(symbols) - set(having))
    if missing:
        raise DataError(
            f"no bars for {', '.join(missing)}",
            f"{len(having)} other symbols have some",
            "ploutos data status",
        )


def _refuse_unusable(
    grid: Grid, usable: NDArray[np.bool_], order: tuple[str, ...], warmup: int
) -> None:
    count = grid.bars_of_assets(usable)
    if (count == 0).any():
        asset = int(np.argmin(count))
        have = int(np.sum(grid.asset == asset))
        raise DataError(
            f"{order[asset]} has no usable bar",
            f"it has {have} session bars, and the features need {warmup} to warm up",
            f"import a longer history, or leave {order[asset]} out",
        )


def _table(
    columns: pl.DataFrame, scales: tuple[float, ...], usable: NDArray[np.bool_], grid: Grid
) -> NDArray[np.float32]:
    """Scaled and clipped features (T, A, F), 0 where not usable, a block of bars at a time."""
    table = np.zeros((*grid.shape, columns.width), dtype=np.float32)
    scaled = columns.select(
        (pl.col(name) / scale).clip(-FEATURE_LIMIT, FEATURE_LIMIT).cast(pl.Float32)
        for name, scale in zip(columns.columns, scales, strict=True)
    )
    for start in range(0, len(usable), BLOCK):
        rows = np.flatnonzero(usable[start : start + BLOCK])
        block = scaled.slice(start, BLOCK).to_numpy(order="c")
        table[grid.bar[start + rows], grid.asset[start + rows]] = block[rows]
    return table


def _prices(bars: pl.DataFrame, grid: Grid) -> dict[str, Matrix]:
    close = grid.carried(bars["close"])
    others = {
        column: np.where(grid.has_bar, grid.matrix(bars[column]), close)
        for column in ("open", "high", "low")
    }
    return {**others, "close": close}


def _volatility(bars: pl.DataFrame) -> pl.Series:
    """Standard deviation of each symbol's last log returns; 0 before there are enough of them."""
    returns = pl.col("close").log().diff().rolling_std(VOLATILITY_WINDOW)
    return bars.select(returns.over("symbol").fill_null(0.0)).to_series()
