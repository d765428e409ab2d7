"""The sector: the symbols of one GICS sector that have bars at one time, in equal weights."""

import polars as pl

from features.columns.market import (
    clock_return_5,
    clock_return_20,
    clock_return_100,
    market_mean,
    market_return_20,
    share_rising,
)
from features.formulas.column import panel_column, panel_quantity

FAMILY = "sector"


def sector_mean(values: pl.Expr) -> pl.Expr:
    """Mean over the symbols of the sector that have a value at that time."""
    return values.mean().over("clock", "sector")


@panel_quantity
def sector_return_20() -> pl.Expr:
    """Mean of r_20 over the symbols of the sector."""
    return sector_mean(clock_return_20())


@panel_column(FAMILY, warmup=5, scale=0.02)
def relative_to_sector_5() -> pl.Expr:
    """r_5 - mean of r_5 over the symbols of the sector."""
    return clock_return_5() - sector_mean(clock_return_5())


@panel_column(FAMILY, warmup=20, scale=0.05)
def relative_to_sector_20() -> pl.Expr:
    """r_20 - mean of r_20 over the symbols of the sector."""
    return clock_return_20() - sector_return_20()


@panel_column(FAMILY, warmup=20)
def rank_in_sector_20() -> pl.Expr:
    """Share of the sector's other symbols whose r_20 is lower, ties halved: 0..1; 0.5 when alone.

    Source: cross-sectional momentum within industries, Moskowitz and Grinblatt 1999. Returns that
    differ by rounding only are tied.
    """
    rounded = clock_return_20().round(12)
    lower = rounded.rank("average").over("clock", "sector") - 1.0
    others = rounded.count().over("clock", "sector") - 1.0
    return pl.when(others > 0).then(lower / others).fill_null(0.5)


@panel_column(FAMILY, warmup=20, scale=0.05)
def sector_momentum_20() -> pl.Expr:
    """Mean of r_20 over the symbols of the sector - market_return_20.

    Source: industry momentum, Moskowitz and Grinblatt 1999.
    """
    return sector_return_20() - market_return_20()


@panel_column(FAMILY, warmup=100, scale=0.1)
def sector_momentum_100() -> pl.Expr:
    """Mean of r_100 over the symbols of the sector - mean of r_100 over all symbols."""
    return sector_mean(clock_return_100()) - market_mean(clock_return_100())


@panel_column(FAMILY, warmup=20)
def sector_breadth_20() -> pl.Expr:
    """Share of the sector's symbols whose r_20 is positive, zeros halved: 0..1."""
    return sector_mean(share_rising(clock_return_20())).fill_null(0.5)
