"""Volume: how much is traded, and on which side."""

import polars as pl

from features.columns.candles import close_location
from features.columns.column import column, flag, quantity
from features.columns.prices import CLOSE, HIGH, LOW, VOLUME, price_change
from features.columns.windows import magnitude_mean, magnitude_total, ratio, total

FAMILY = "volume"


@quantity
def volume_20() -> pl.Expr:
    """Sum of the volume of 20 bars."""
    return magnitude_total(VOLUME, 20)


@column(FAMILY, warmup=19)
def vol_ratio() -> pl.Expr:
    """Volume / mean_20 of volume; 0 where the window has no volume."""
    return ratio(VOLUME, magnitude_mean(VOLUME, 20))


@flag(FAMILY, warmup=19)
def vol_spike() -> pl.Expr:
    """vol_ratio > 1.5."""
    return vol_ratio() > 1.5


@flag(FAMILY, warmup=19)
def vol_bullish() -> pl.Expr:
    """vol_ratio > 1.2 and close > close of the bar before."""
    return (vol_ratio() > 1.2) & (CLOSE.shift(1) < CLOSE)


@flag(FAMILY, warmup=19)
def vol_bearish() -> pl.Expr:
    """vol_ratio > 1.2 and close < close of the bar before."""
    return (vol_ratio() > 1.2) & (CLOSE.shift(1) > CLOSE)


@flag(FAMILY, warmup=19)
def vol_low() -> pl.Expr:
    """vol_ratio < 0.7."""
    return vol_ratio() < 0.7


@column(FAMILY, warmup=20)
def obv_slope_20() -> pl.Expr:
    """sum_20 of sign(close - close before) volume / sum_20 of volume: -1..1.

    Source: change of Granville's on-balance volume (1963) over 20 bars, as a share of the volume.
    """
    return ratio(total(price_change().sign() * VOLUME, 20), volume_20())


@column(FAMILY, warmup=14, scale=100.0)
def money_flow_index_14() -> pl.Expr:
    """100 up / (up + down): sum_14 of typical price x volume where it rose, fell; 50 if neither.

    Source: Quong and Soudack 1989. Typical price = (high + low + close) / 3.
    """
    typical = (HIGH + LOW + CLOSE) / 3.0
    flow = typical * VOLUME
    rise = typical.diff().fill_null(0.0)
    up = magnitude_total(pl.when(rise > 0.0).then(flow).otherwise(0.0), 14)
    down = magnitude_total(pl.when(rise < 0.0).then(flow).otherwise(0.0), 14)
    return ratio(100.0 * up, up + down, otherwise=50.0)


@column(FAMILY, warmup=19)
def chaikin_money_flow_20() -> pl.Expr:
    """sum_20 of (2 close_location - 1) volume / sum_20 of volume: -1..1.

    Source: Marc Chaikin's money flow.
    """
    return ratio(total((2.0 * close_location() - 1.0) * VOLUME, 20), volume_20())


@column(FAMILY, warmup=49, scale=0.5)
def volume_trend_5_50() -> pl.Expr:
    """(mean_5 - mean_50) / (mean_5 + mean_50) of volume: -1..1."""
    short, long = magnitude_mean(VOLUME, 5), magnitude_mean(VOLUME, 50)
    return ratio(short - long, short + long)
