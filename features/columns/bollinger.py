"""Bollinger bands: 20 bars, two sample standard deviations. Source: Bollinger 2001."""

import polars as pl

from features.columns.prices import CLOSE, in_true_ranges, mean_close_20, std_close_20
from features.formulas.column import column, flag, quantity
from features.formulas.rolling import clearly_below, quantile

FAMILY = "Bollinger"
WIDTH = 2.0  # standard deviations
FLOOR = 1e-10  # of the middle band: 1e-8 USD at 100 USD, the original's constant made scale-free


@quantity
def lower_band() -> pl.Expr:
    """Two deviations below the mean of 20 closes, USD."""
    return mean_close_20() - WIDTH * std_close_20()


@quantity
def upper_band() -> pl.Expr:
    """Two deviations above the mean of 20 closes, USD."""
    return mean_close_20() + WIDTH * std_close_20()


@column(FAMILY, warmup=19, scale=0.05)
def bb_width() -> pl.Expr:
    """(upper - lower) / middle, bands 2 sample std_20 around the middle mean_20."""
    return (upper_band() - lower_band()) / mean_close_20()


@column(FAMILY, warmup=19)
def bb_position() -> pl.Expr:
    """(close - lower) / (upper - lower + 1e-10 middle); 0 for a flat window."""
    height = upper_band() - lower_band()
    position = (CLOSE - lower_band()) / (height + FLOOR * mean_close_20())
    return pl.when(height > 0.0).then(position).otherwise(0.0)


@flag(FAMILY, warmup=19)
def touch_lower_bb() -> pl.Expr:
    """Close <= 1.01 lower."""
    return lower_band() * 1.01 >= CLOSE


@flag(FAMILY, warmup=19)
def touch_upper_bb() -> pl.Expr:
    """Close >= 0.99 upper."""
    return upper_band() * 0.99 <= CLOSE


@flag(FAMILY, warmup=68)
def bb_squeeze() -> pl.Expr:
    """bb_width < its own 20 % quantile of 50 bars, interpolated linearly."""
    return clearly_below(bb_width(), quantile(bb_width(), 0.2, 50))


@column(FAMILY, warmup=19)
def bb_keltner_ratio() -> pl.Expr:
    """2 std_20 / (1.5 ATR_14): below 1 the Bollinger bands lie inside the Keltner channel.

    Source: the squeeze of Carter 2005.
    """
    return in_true_ranges(WIDTH * std_close_20()) / 1.5
