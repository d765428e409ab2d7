"""Candles: the shape of one bar, and of two."""

import polars as pl

from features.columns.prices import CLOSE, HIGH, LOW, OPEN, body, lower_wick, upper_wick
from features.formulas.column import column, flag
from features.formulas.rolling import before, ratio

FAMILY = "candles"


@column(FAMILY, warmup=0, scale=0.01)
def body_pct() -> pl.Expr:
    """|close - open| / open."""
    return body() / OPEN


@flag(FAMILY, warmup=0)
def hammer() -> pl.Expr:
    """Lower wick > 2 bodies, upper wick < 0.5 bodies, close > open."""
    return (lower_wick() > 2.0 * body()) & (upper_wick() < 0.5 * body()) & (CLOSE > OPEN)


@flag(FAMILY, warmup=0)
def shooting_star() -> pl.Expr:
    """Upper wick > 2 bodies, lower wick < 0.5 bodies, close < open."""
    return (upper_wick() > 2.0 * body()) & (lower_wick() < 0.5 * body()) & (CLOSE < OPEN)


@flag(FAMILY, warmup=0)
def doji() -> pl.Expr:
    """body_pct < 0.001."""
    return body_pct() < 0.001


@flag(FAMILY, warmup=1)
def bullish_engulfing() -> pl.Expr:
    """A rising bar around a falling one: open < close before, close > open before."""
    close_before, open_before = before(CLOSE, 1), before(OPEN, 1)
    around = (open_before < CLOSE) & (close_before > OPEN)
    return (CLOSE > OPEN) & (close_before < open_before) & around


@flag(FAMILY, warmup=1)
def bearish_engulfing() -> pl.Expr:
    """A falling bar around a rising one: open > close before, close < open before."""
    close_before, open_before = before(CLOSE, 1), before(OPEN, 1)
    around = (open_before > CLOSE) & (close_before < OPEN)
    return (CLOSE < OPEN) & (close_before > open_before) & around


@column(FAMILY, warmup=0)
def upper_wick_share() -> pl.Expr:
    """(high - max(open, close)) / (high - low): 0..1."""
    return ratio(upper_wick(), HIGH - LOW)


@column(FAMILY, warmup=0)
def lower_wick_share() -> pl.Expr:
    """(min(open, close) - low) / (high - low): 0..1."""
    return ratio(lower_wick(), HIGH - LOW)


@column(FAMILY, warmup=0)
def close_location() -> pl.Expr:
    """(close - low) / (high - low): 0..1; 0.5 for a bar without range."""
    return ratio(CLOSE - LOW, HIGH - LOW, otherwise=0.5)


@column(FAMILY, warmup=1, scale=0.01)
def gap() -> pl.Expr:
    """Open / close before - 1."""
    return OPEN / before(CLOSE, 1) - 1.0
