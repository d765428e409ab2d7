"""Pick the best stocks of each sector by what they earned before anything is validated."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from cluster.errors import DataError
from train.metrics import TRADING_DAYS
from train.scenario_sections import SectorScan


def scan_sectors(
    bars: pl.DataFrame, sectors: Mapping[str, str], scan: SectorScan, before: datetime
) -> tuple[str, ...]:
    """The `stocks_per_sector` symbols of each sector with the highest Sharpe ratios.

    Daily returns of the last `lookback_days` days before `before`, which must not reach into a
    validation or test window: the choice itself would leak. A symbol that lacks a day is left out.

    Args:
        bars: `BAR_SCHEMA`.
        sectors: sector of each symbol.
        scan: what is picked.
        before: UTC; only bars that start earlier are looked at.

    Raises:
        DataError: a sector has too few symbols with enough days.
    """
    ranked = (
        _daily_returns(bars.filter(pl.col("ts") < before), scan.lookback_days)
        .group_by("symbol")
        .agg(sharpe=_sharpe(scan.risk_free_rate), days=pl.len())
        .filter(pl.col("days") == scan.lookback_days, pl.col("sharpe").is_finite())
        .with_columns(sector=pl.col("symbol").replace_strict(dict(sectors), default=None))
        .drop_nulls("sector")
        .sort(["sector", "sharpe", "symbol"], descending=[False, True, False])
    )
    chosen = ranked.group_by("sector", maintain_order=True).head(scan.stocks_per_sector)
    counts = dict(chosen.group_by("sector").len().iter_rows())
    for sector in sorted(set(sectors.values())):
        if counts.get(sector, 0) < scan.stocks_per_sector:
            raise DataError(
                f"sector {sector} has {counts.get(sector, 0)} symbols to choose from",
                f"{scan.stocks_per_sector} with {scan.lookback_days} days of bars before "
                f"{before:%Y-%m-%d} are needed",
                "give more bars, or lower stocks_per_sector or lookback_days",
            )
    return tuple(chosen["symbol"])


def _daily_returns(bars: pl.DataFrame, days: int) -> pl.DataFrame:
    """One row a symbol and day of the last `days` days: symbol, change."""
    closes = (
        bars.group_by("symbol", pl.col("ts").dt.date().alias("day"))
        .agg(pl.col("close").sort_by("ts").last())
        .sort("symbol", "day")
        .with_columns(change=pl.col("close").pct_change().over("symbol"))
        .drop_nulls("change")
    )
    last = closes["day"].unique().sort().tail(days)
    return closes.filter(pl.col("day").is_in(last.implode()))


def _sharpe(risk_free_rate: float) -> pl.Expr:
    excess = pl.col("change").mean() - (1.0 + risk_free_rate) ** (1.0 / TRADING_DAYS) + 1.0
    sharpe: pl.Expr = excess / pl.col("change").std() * TRADING_DAYS**0.5
    return sharpe
