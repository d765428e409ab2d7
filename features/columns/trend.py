"""Trend strength: whether there is a direction, whichever it is."""

import polars as pl

from features.columns.prices import CLOSE, HIGH, LOW, price_change, true_range
from features.formulas.column import column, quantity
from features.formulas.rolling import change, deviation, mean, ratio, time_covariance, wilder

FAMILY = "trend strength"
PERIOD = 14  # bars
MEMORY = 350  # bars: (13/14)^350 (1 + 350/14) = 1.4e-10, the weight of older bars in ADX


def directional_index(movement: pl.Expr, against: pl.Expr) -> pl.Expr:
    """Wilder's DI: the smoothed movement that beats the one against it, of 100 true ranges."""
    wins = (movement > against) & (movement > 0.0)
    return ratio(
        100.0 * wilder(pl.when(wins).then(movement).otherwise(0.0), PERIOD),
        smoothed_range(),
    )


@quantity
def smoothed_range() -> pl.Expr:
    """Wilder_14 of the true range, USD."""
    return wilder(true_range(), PERIOD)


@quantity
def move_up() -> pl.Expr:
    """Rise of the high, USD."""
    return change(HIGH)


@quantity
def move_down() -> pl.Expr:
    """Fall of the low, USD."""
    return -change(LOW)


@column(FAMILY, warmup=MEMORY, scale=50.0, recursive=True)
def plus_di_14() -> pl.Expr:
    """100 Wilder_14(rise of the high where it exceeds the fall of the low) / Wilder_14(true range).

    Source: Wilder 1978, New Concepts in Technical Trading Systems.
    """
    return directional_index(move_up(), move_down())


@column(FAMILY, warmup=MEMORY, scale=50.0, recursive=True)
def minus_di_14() -> pl.Expr:
    """100 Wilder_14(fall of the low where it exceeds the rise of the high) / Wilder_14(true range).

    Source: Wilder 1978.
    """
    return directional_index(move_down(), move_up())


@column(FAMILY, warmup=MEMORY, scale=50.0, recursive=True)
def adx_14() -> pl.Expr:
    """Wilder_14 of 100 |plus_di_14 - minus_di_14| / (plus_di_14 + minus_di_14): 0..100.

    Source: Wilder 1978.
    """
    plus, minus = plus_di_14(), minus_di_14()
    return wilder(ratio(100.0 * (plus - minus).abs(), plus + minus), PERIOD)


@column(FAMILY, warmup=49)
def trend_correlation_50() -> pl.Expr:
    """Correlation of the close with time over 50 bars: -1..1; 0 for a flat price.

    Orders bars as the t-statistic of the slope, r sqrt(48 / (1 - r^2)), but has no infinities.
    """
    bars = 50
    of_time = bars * (bars**2 - 1) / 12.0  # sum of squares of the bars' distances from their mean
    spread = deviation(CLOSE, bars) * ((bars - 1) * of_time) ** 0.5
    return ratio(time_covariance(CLOSE, bars), spread)


@quantity
def mean_step_20() -> pl.Expr:
    """Mean of |close - close before| of 20 bars, USD."""
    return mean(price_change().abs(), 20)


@column(FAMILY, warmup=20)
def efficiency_ratio_20() -> pl.Expr:
    """|close - close 20 bars ago| / (20 mean_20 of |close - close before|): 0..1.

    Source: Kaufman 1995.
    """
    return ratio(change(CLOSE, 20).abs(), 20.0 * mean_step_20())
