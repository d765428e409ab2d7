"""Volume: how much is traded, and on which side."""

import polars as pl

from features.columns.candles import close_location
from features.columns.prices import CLOSE, HIGH, LOW, VOLUME, price_change
from features.formulas.column import column, flag, quantity
from features.formulas.rolling import before, clearly_above, clearly_below, mean, ratio

FAMILY = "volume"
SPIKE, HIGH_VOLUME, LOW_VOLUME = 1.5, 1.2, 0.7  # of the mean volume


@quantity
def mean_volume_5() -> pl.Expr:
    """Mean volume of 5 bars."""
    return mean(VOLUME, 5)


@quantity
def mean_volume_20() -> pl.Expr:
    """Mean volume of 20 bars."""
    return mean(VOLUME, 20)


@quantity
def mean_volume_50() -> pl.Expr:
    """Mean volume of 50 bars."""
    return mean(VOLUME, 50)


@quantity
def typical_price() -> pl.Expr:
    """(high + low + close) / 3, USD."""
    return (HIGH + LOW + CLOSE) / 3.0


def flow_where(condition: pl.Expr) -> pl.Expr:
    """Mean of typical price x volume of 14 bars, 0 where the condition does not hold, USD."""
    counted = condition.cast(pl.Float64).fill_null(0.0)
    return mean(counted * typical_price() * VOLUME, 14)


@quantity
def money_flow_in_14() -> pl.Expr:
    """Mean money flow of the rising ones of 14 bars, USD."""
    return flow_where(clearly_above(typical_price(), before(typical_price(), 1)))


@quantity
def money_flow_out_14() -> pl.Expr:
    """Mean money flow of the falling ones of 14 bars, USD."""
    return flow_where(clearly_below(typical_price(), before(typical_price(), 1)))


@column(FAMILY, warmup=19)
def vol_ratio() -> pl.Expr:
    """Volume / mean_20 of volume; 0 where the window has no volume."""
    return ratio(VOLUME, mean_volume_20())


@flag(FAMILY, warmup=19)
def vol_spike() -> pl.Expr:
    """vol_ratio > 1.5."""
    return vol_ratio() > SPIKE


@flag(FAMILY, warmup=19)
def vol_bullish() -> pl.Expr:
    """vol_ratio > 1.2 and close > close of the bar before."""
    return (vol_ratio() > HIGH_VOLUME) & (price_change() > 0.0)


@flag(FAMILY, warmup=19)
def vol_bearish() -> pl.Expr:
    """vol_ratio > 1.2 and close < close of the bar before."""
    return (vol_ratio() > HIGH_VOLUME) & (price_change() < 0.0)


@flag(FAMILY, warmup=19)
def vol_low() -> pl.Expr:
    """vol_ratio < 0.7."""
    return vol_ratio() < LOW_VOLUME


@column(FAMILY, warmup=20)
def obv_slope_20() -> pl.Expr:
    """mean_20 of sign(close - close before) volume / mean_20 of volume: -1..1.

    Source: the change of Granville's on-balance volume (1963) over 20 bars, per unit of volume.
    """
    return ratio(mean(price_change().sign() * VOLUME, 20), mean_volume_20())


@column(FAMILY, warmup=14, scale=100.0)
def money_flow_index_14() -> pl.Expr:
    """100 in / (in + out), money flow of 14 bars; 50 where there is none.

    In and out: mean of typical price x volume of the bars whose typical price rose, fell;
    typical price = (high + low + close) / 3. Source: Quong and Soudack 1989.
    """
    flow_in, flow_out = money_flow_in_14(), money_flow_out_14()
    return ratio(100.0 * flow_in, flow_in + flow_out, otherwise=50.0)


@column(FAMILY, warmup=19)
def chaikin_money_flow_20() -> pl.Expr:
    """mean_20 of (2 close_location - 1) volume / mean_20 of volume: -1..1.

    Source: Marc Chaikin's money flow.
    """
    return ratio(mean((2.0 * close_location() - 1.0) * VOLUME, 20), mean_volume_20())


@column(FAMILY, warmup=49, scale=0.5)
def volume_trend_5_50() -> pl.Expr:
    """(mean_5 - mean_50) / (mean_5 + mean_50) of volume: -1..1."""
    short, long = mean_volume_5(), mean_volume_50()
    return ratio(short - long, short + long)
