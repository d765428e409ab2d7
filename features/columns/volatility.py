"""Volatility regime: how much the price moves, against its own past."""

from math import log

import polars as pl

from features.columns.prices import (
    CLOSE,
    HIGH,
    LOW,
    average_true_range_14,
    bar_return,
    mean_square_return_50,
    realised_volatility_20,
    realised_volatility_100,
)
from features.formulas.column import column, flag
from features.formulas.rolling import (
    clearly_above,
    clearly_below,
    mean,
    percentile,
    quantile,
    ratio,
)

FAMILY = "volatility regime"


@column(FAMILY, warmup=14, scale=0.01)
def atr_pct() -> pl.Expr:
    """ATR_14 / close, the ATR being the simple mean of 14 true ranges."""
    return average_true_range_14() / CLOSE


@flag(FAMILY, warmup=63)
def high_vol() -> pl.Expr:
    """atr_pct > its own 70 % quantile of 50 bars, interpolated linearly."""
    return clearly_above(atr_pct(), quantile(atr_pct(), 0.7, 50))


@flag(FAMILY, warmup=63)
def low_vol() -> pl.Expr:
    """atr_pct < its own 30 % quantile of 50 bars, interpolated linearly."""
    return clearly_below(atr_pct(), quantile(atr_pct(), 0.3, 50))


@column(FAMILY, warmup=100)
def realised_vol_ratio_20_100() -> pl.Expr:
    """Root mean square return of 20 bars / that of 100 bars."""
    return ratio(realised_volatility_20(), realised_volatility_100())


@column(FAMILY, warmup=20)
def parkinson_ratio_20() -> pl.Expr:
    """sqrt(mean_20 of ln(high/low)^2 / (4 ln 2)) / root mean square return of 20 bars.

    Source: Parkinson 1980. Below 1 where the price moves between the bars, not inside them.
    """
    inside = mean((HIGH / LOW).log().pow(2), 20) / (4.0 * log(2.0))
    return ratio(inside.sqrt(), realised_volatility_20())


@column(FAMILY, warmup=113)
def volatility_percentile_100() -> pl.Expr:
    """Share of the 99 bars before whose atr_pct is lower, ties halved: 0..1."""
    return percentile(atr_pct(), 100)


@column(FAMILY, warmup=100, scale=2.0)
def realised_skewness_100() -> pl.Expr:
    """mean_100 of r^3 / (mean_100 of r^2)^1.5.

    Source: Amaya, Christoffersen, Jacobs and Vasquez 2015.
    """
    return ratio(mean(bar_return().pow(3), 100), realised_volatility_100().pow(3))


@column(FAMILY, warmup=50)
def downside_share_50() -> pl.Expr:
    """mean_50 of min(r, 0)^2 / mean_50 of r^2: 0..1; 0.5 for a flat price.

    Source: realised semivariance, Barndorff-Nielsen, Kinnebrock and Shephard 2010.
    """
    falls = bar_return().clip(upper_bound=0.0)
    return ratio(mean(falls.pow(2), 50), mean_square_return_50(), otherwise=0.5)
