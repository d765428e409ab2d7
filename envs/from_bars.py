"""From bars to a Market; the one module of this package that needs Polars."""

from collections.abc import Sequence

import polars as pl

from envs.market import Market
from features import aligned_table


def market_from_bars(
    bars: pl.DataFrame, feature_set: str = "v6", symbols: Sequence[str] | None = None
) -> Market:
    """Put bars and their features on one clock and check them.

    Args:
        bars: Hourly or daily bars, `features.BAR_COLUMNS`.
        feature_set: Name of the feature set.
        symbols: Which symbols, in slot order; all, sorted, when None.

    Raises:
        DataError: a bad bar, or a symbol without enough bars, by name.
    """
    table = aligned_table(bars, feature_set, symbols)
    return Market.from_arrays(
        close=table.close,
        open=table.open,
        session=table.session,
        volume=table.volume,
        volatility=table.volatility,
        tradable=table.tradable,
        features=table.features,
        ts=table.ts,
        symbols=table.symbols,
        feature_names=table.feature_names,
    )
