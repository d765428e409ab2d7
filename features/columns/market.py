"""The market: all symbols that have bars at one time, in equal weights.

A return over k bars of the clock needs the symbol's bar at both ends. A symbol that enters, leaves
or pauses counts from k clock bars after its bar to its last one, and no column looks back further
than its warm-up, whoever else has gaps.
"""

import polars as pl

from features.columns.prices import CLOSE
from features.formulas.column import panel_column, panel_quantity
from features.formulas.rolling import before, mean, ratio

FAMILY = "market"


def clock_return(bars: int) -> pl.Expr:
    """Close / the close `bars` bars of the clock ago - 1; null where the symbol lacks one."""
    return CLOSE / before(CLOSE, bars) - 1.0


def market_mean(values: pl.Expr) -> pl.Expr:
    """Mean over the symbols that have a value at that time; null where none has."""
    return values.mean().over("clock")


def share_rising(returns: pl.Expr) -> pl.Expr:
    """1 where a return is positive, 0.5 where it is 0, 0 where it is negative: to be averaged."""
    return 0.5 + 0.5 * returns.sign()


@panel_quantity
def clock_return_1() -> pl.Expr:
    """Return over 1 bar of the clock."""
    return clock_return(1)


@panel_quantity
def clock_return_5() -> pl.Expr:
    """Return over 5 bars of the clock."""
    return clock_return(5)


@panel_quantity
def clock_return_20() -> pl.Expr:
    """Return over 20 bars of the clock."""
    return clock_return(20)


@panel_quantity
def clock_return_100() -> pl.Expr:
    """Return over 100 bars of the clock."""
    return clock_return(100)


@panel_column(FAMILY, warmup=1, scale=0.005)
def market_return_1() -> pl.Expr:
    """Mean of r_1 over all symbols."""
    return market_mean(clock_return_1())


@panel_column(FAMILY, warmup=5, scale=0.02)
def market_return_5() -> pl.Expr:
    """Mean of r_5 over all symbols."""
    return market_mean(clock_return_5())


@panel_column(FAMILY, warmup=20, scale=0.05)
def market_return_20() -> pl.Expr:
    """Mean of r_20 over all symbols."""
    return market_mean(clock_return_20())


@panel_column(FAMILY, warmup=20)
def market_breadth_20() -> pl.Expr:
    """Share of all symbols whose r_20 is positive, zeros halved: 0..1; 0.5 where none has one."""
    return market_mean(share_rising(clock_return_20())).fill_null(0.5)


@panel_column(FAMILY, warmup=20, scale=0.05)
def market_dispersion_20() -> pl.Expr:
    """Sample standard deviation of r_20 over all symbols: how far they go apart; 0 for one symbol.

    Source: return dispersion, Stivers and Sun 2010.
    """
    return clock_return_20().std().over("clock")


def market_volatility(bars: int) -> pl.Expr:
    """Root mean square of market_return_1 over those of the bars of the clock that have one."""
    known = market_return_1().is_not_null().cast(pl.Float64)
    squares = market_return_1().fill_null(0.0).pow(2)
    return ratio(mean(squares, bars), mean(known, bars)).sqrt()


@panel_column(FAMILY, warmup=20, scale=0.005)
def market_volatility_20() -> pl.Expr:
    """Root mean square of market_return_1 over 20 bars."""
    return market_volatility(20)


@panel_quantity
def market_volatility_100() -> pl.Expr:
    """Root mean square of market_return_1 over 100 bars."""
    return market_volatility(100)


@panel_column(FAMILY, warmup=100)
def market_vol_ratio_20_100() -> pl.Expr:
    """market_volatility_20 / the same over 100 bars.

    The regime of the market's volatility: above 1 where it is higher than it was.
    """
    return ratio(market_volatility_20(), market_volatility_100())


@panel_column(FAMILY, warmup=5, scale=0.02)
def relative_to_market_5() -> pl.Expr:
    """r_5 - market_return_5."""
    return clock_return_5() - market_return_5()


@panel_column(FAMILY, warmup=20, scale=0.05)
def relative_to_market_20() -> pl.Expr:
    """r_20 - market_return_20."""
    return clock_return_20() - market_return_20()
