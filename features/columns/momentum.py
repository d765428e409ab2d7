"""Momentum: how far, how fast, and against how much noise."""

import polars as pl

from features.columns.prices import (
    CLOSE,
    in_true_ranges,
    mean_close_50,
    realised_volatility_20,
    realised_volatility_100,
)
from features.formulas.column import column, flag
from features.formulas.rolling import before, change, mean, ratio

FAMILY = "momentum"


def rate_of_change(bars: int) -> pl.Expr:
    """Simple return over `bars` bars; null before."""
    return CLOSE / before(CLOSE, bars) - 1.0


@column(FAMILY, warmup=5, scale=0.02)
def roc_5() -> pl.Expr:
    """Close / close 5 bars ago - 1."""
    return rate_of_change(5)


@column(FAMILY, warmup=10, scale=0.05)
def roc_10() -> pl.Expr:
    """Close / close 10 bars ago - 1."""
    return rate_of_change(10)


@column(FAMILY, warmup=20, scale=0.05)
def roc_20() -> pl.Expr:
    """Close / close 20 bars ago - 1."""
    return rate_of_change(20)


@column(FAMILY, warmup=6, scale=0.02)
def momentum_accel_5() -> pl.Expr:
    """roc_5 - roc_5 of the bar before."""
    return change(roc_5())


@flag(FAMILY, warmup=6)
def momentum_start_5() -> pl.Expr:
    """momentum_accel_5 > 0 and |roc_5| < 0.05."""
    return (momentum_accel_5() > 0.0) & (roc_5().abs() < 0.05)


@column(FAMILY, warmup=20)
def risk_adjusted_roc_20() -> pl.Expr:
    """roc_20 / (root mean square return of 20 bars x sqrt 20)."""
    return ratio(roc_20(), realised_volatility_20()) * 20**-0.5


@column(FAMILY, warmup=100)
def risk_adjusted_roc_100() -> pl.Expr:
    """roc_100 / (root mean square return of 100 bars x sqrt 100)."""
    return ratio(rate_of_change(100), realised_volatility_100()) * 0.1


@column(FAMILY, warmup=49, scale=2.0)
def ma_spread_10_50() -> pl.Expr:
    """(mean_10 - mean_50 of close) / ATR_14.

    Source: moving-average convergence with simple means, which forget, in place of exponential.
    """
    return in_true_ranges(mean(CLOSE, 10) - mean_close_50())
