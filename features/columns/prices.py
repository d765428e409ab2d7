"""Quantities of a bar that several families share."""

import polars as pl

from features.formulas.column import quantity
from features.formulas.rolling import before, change, deviation, mean, ratio

OPEN = pl.col("open")  # USD
HIGH = pl.col("high")  # USD
LOW = pl.col("low")  # USD
CLOSE = pl.col("close")  # USD
VOLUME = pl.col("volume")  # shares


@quantity
def body() -> pl.Expr:
    """Distance between open and close, USD."""
    return (CLOSE - OPEN).abs()


@quantity
def upper_wick() -> pl.Expr:
    """Distance from the body up to the high, USD."""
    return HIGH - pl.max_horizontal(OPEN, CLOSE)


@quantity
def lower_wick() -> pl.Expr:
    """Distance from the low up to the body, USD."""
    return pl.min_horizontal(OPEN, CLOSE) - LOW


@quantity
def price_change() -> pl.Expr:
    """Close minus the close before, USD; 0 at the first bar."""
    return change(CLOSE).fill_null(0.0)


@quantity
def bar_return() -> pl.Expr:
    """Simple return of one bar; 0 at the first bar."""
    return (CLOSE / before(CLOSE, 1) - 1.0).fill_null(0.0)


@quantity
def squared_return() -> pl.Expr:
    """Square of the bar's return."""
    return bar_return().pow(2)


@quantity
def realised_volatility_20() -> pl.Expr:
    """Root mean square return of 20 bars."""
    return mean(squared_return(), 20).sqrt()


@quantity
def mean_square_return_50() -> pl.Expr:
    """Mean square return of 50 bars."""
    return mean(squared_return(), 50)


@quantity
def realised_volatility_100() -> pl.Expr:
    """Root mean square return of 100 bars."""
    return mean(squared_return(), 100).sqrt()


@quantity
def mean_close_20() -> pl.Expr:
    """Mean of the close of 20 bars, USD; the middle Bollinger band."""
    return mean(CLOSE, 20)


@quantity
def mean_close_50() -> pl.Expr:
    """Mean of the close of 50 bars, USD."""
    return mean(CLOSE, 50)


@quantity
def std_close_20() -> pl.Expr:
    """Sample standard deviation of the close of 20 bars, USD."""
    return deviation(CLOSE, 20)


@quantity
def std_close_50() -> pl.Expr:
    """Sample standard deviation of the close of 50 bars, USD."""
    return deviation(CLOSE, 50)


@quantity
def true_range() -> pl.Expr:
    """Range of the bar, or from the close before where that is wider, USD. Wilder 1978."""
    close_before = before(CLOSE, 1)
    return pl.max_horizontal(HIGH, close_before) - pl.min_horizontal(LOW, close_before)


@quantity
def average_true_range_14() -> pl.Expr:
    """Simple mean of the true range of 14 bars, USD."""
    return mean(true_range(), 14)


def in_true_ranges(distance: pl.Expr) -> pl.Expr:
    """A distance in USD as a multiple of the average true range."""
    return ratio(distance, average_true_range_14())
