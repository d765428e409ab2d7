"""RSI and its divergence from the price."""

import polars as pl

from features.columns.prices import CLOSE, price_change
from features.formulas.column import column, flag
from features.formulas.rolling import before, change, mean

FAMILY = "RSI divergence"
PERIOD = 14  # bars
LOOKBACK = 10  # bars
FLOOR = 1e-8  # USD, the original's constant


@column(FAMILY, warmup=14, scale=100.0)
def rsi() -> pl.Expr:
    """100 - 100 / (1 + gain / (loss + 1e-8)), simple means of 14 bars: 0..100.

    Gain and loss in USD. Source: Wilder 1978, with simple means in place of his smoothing (Cutler).
    """
    gain = mean(price_change().clip(lower_bound=0.0), PERIOD)
    loss = mean((-price_change()).clip(lower_bound=0.0), PERIOD)
    return 100.0 - 100.0 / (1.0 + gain / (loss + FLOOR))


@flag(FAMILY, warmup=24)
def bullish_divergence() -> pl.Expr:
    """Close < close 10 bars ago while rsi > rsi 10 bars ago."""
    return (before(CLOSE, LOOKBACK) > CLOSE) & (rsi() > before(rsi(), LOOKBACK))


@flag(FAMILY, warmup=24)
def bearish_divergence() -> pl.Expr:
    """Close > close 10 bars ago while rsi < rsi 10 bars ago."""
    return (before(CLOSE, LOOKBACK) < CLOSE) & (rsi() < before(rsi(), LOOKBACK))


@column(FAMILY, warmup=19, scale=20.0)
def rsi_change_5() -> pl.Expr:
    """Rsi minus rsi 5 bars ago."""
    return change(rsi(), 5)
