"""Support and resistance: where the close stands in the recent range."""

import polars as pl

from features.columns.prices import CLOSE, HIGH, LOW
from features.formulas.column import column, flag
from features.formulas.rolling import before, highest, lowest

FAMILY = "support/resistance"
NEAR = 0.02  # share of the close


def distance_to_support(window: int) -> pl.Expr:
    """Share of the close that lies between it and the lowest low of the window."""
    return (CLOSE - lowest(LOW, window)) / CLOSE


def distance_to_resistance(window: int) -> pl.Expr:
    """Share of the close that it is away from the highest high of the window."""
    return (highest(HIGH, window) - CLOSE) / CLOSE


@column(FAMILY, warmup=19, scale=0.05)
def dist_support_20() -> pl.Expr:
    """(close - lowest low of 20 bars) / close."""
    return distance_to_support(20)


@column(FAMILY, warmup=49, scale=0.1)
def dist_support_50() -> pl.Expr:
    """(close - lowest low of 50 bars) / close."""
    return distance_to_support(50)


@column(FAMILY, warmup=99, scale=0.1)
def dist_support_100() -> pl.Expr:
    """(close - lowest low of 100 bars) / close."""
    return distance_to_support(100)


@column(FAMILY, warmup=19, scale=0.05)
def dist_resistance_20() -> pl.Expr:
    """(highest high of 20 bars - close) / close."""
    return distance_to_resistance(20)


@column(FAMILY, warmup=49, scale=0.1)
def dist_resistance_50() -> pl.Expr:
    """(highest high of 50 bars - close) / close."""
    return distance_to_resistance(50)


@column(FAMILY, warmup=99, scale=0.1)
def dist_resistance_100() -> pl.Expr:
    """(highest high of 100 bars - close) / close."""
    return distance_to_resistance(100)


@flag(FAMILY, warmup=19)
def near_support_20() -> pl.Expr:
    """dist_support_20 < 0.02."""
    return dist_support_20() < NEAR


@flag(FAMILY, warmup=19)
def near_resistance_20() -> pl.Expr:
    """dist_resistance_20 < 0.02."""
    return dist_resistance_20() < NEAR


@flag(FAMILY, warmup=20)
def breakout_up_20() -> pl.Expr:
    """Close > highest high of the 20 bars before this one.

    Source: Donchian channel.
    """
    return before(highest(HIGH, 20), 1) < CLOSE


@flag(FAMILY, warmup=20)
def breakout_down_20() -> pl.Expr:
    """Close < lowest low of the 20 bars before this one.

    Source: Donchian channel.
    """
    return before(lowest(LOW, 20), 1) > CLOSE
