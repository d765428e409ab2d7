"""Mean reversion: how far the price has run, and whether it is on its way back."""

import polars as pl

from features.columns.prices import (
    CLOSE,
    bar_return,
    in_true_ranges,
    mean_close_20,
    mean_close_50,
    mean_square_return_50,
    std_close_20,
    std_close_50,
)
from features.formulas.column import column, flag
from features.formulas.rolling import before, mean, ratio

FAMILY = "mean reversion"
STRETCHED = 1.5  # standard deviations
FLOOR = 1e-10  # of the mean price: 1e-8 USD at 100 USD, the original's constant made scale-free


def zscore(centre: pl.Expr, deviation: pl.Expr) -> pl.Expr:
    """Distance of the close from its mean in standard deviations."""
    stretch = (CLOSE - centre) / (deviation + FLOOR * centre)
    return pl.when(deviation > 0.0).then(stretch).otherwise(0.0)


@column(FAMILY, warmup=19)
def zscore_20() -> pl.Expr:
    """(close - mean_20) / (std_20 + 1e-10 mean_20), sample deviation; 0 for a flat window."""
    return zscore(mean_close_20(), std_close_20())


@column(FAMILY, warmup=49)
def zscore_50() -> pl.Expr:
    """(close - mean_50) / (std_50 + 1e-10 mean_50), sample deviation; 0 for a flat window."""
    return zscore(mean_close_50(), std_close_50())


@flag(FAMILY, warmup=19)
def oversold_20() -> pl.Expr:
    """zscore_20 < -1.5."""
    return zscore_20() < -STRETCHED


@flag(FAMILY, warmup=19)
def overbought_20() -> pl.Expr:
    """zscore_20 > 1.5."""
    return zscore_20() > STRETCHED


@flag(FAMILY, warmup=20)
def reverting_up_20() -> pl.Expr:
    """zscore_20 of the bar before < -1.5, and zscore_20 has risen since."""
    last = before(zscore_20(), 1)
    return (last < -STRETCHED) & (zscore_20() > last)


@flag(FAMILY, warmup=20)
def reverting_down_20() -> pl.Expr:
    """zscore_20 of the bar before > 1.5, and zscore_20 has fallen since."""
    last = before(zscore_20(), 1)
    return (last > STRETCHED) & (zscore_20() < last)


@column(FAMILY, warmup=50)
def zscore_return_50() -> pl.Expr:
    """Return of the bar / root mean square return of 50 bars."""
    return ratio(bar_return(), mean_square_return_50().sqrt())


@column(FAMILY, warmup=19, scale=2.0)
def ma_distance_20() -> pl.Expr:
    """(close - mean_20) / ATR_14, the ATR being the simple mean of 14 true ranges."""
    return in_true_ranges(CLOSE - mean_close_20())


@column(FAMILY, warmup=50, scale=0.2)
def return_autocorrelation_50() -> pl.Expr:
    """mean_49 of r[t] r[t-1] / mean_50 of r[t]^2: below 0 where moves are taken back.

    Source: first-order autocorrelation, mean return taken as 0.
    """
    products = bar_return() * before(bar_return(), 1).fill_null(0.0)
    return ratio(mean(products, 49), mean_square_return_50())
