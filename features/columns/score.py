"""Entry score: how many of the other families' signals agree."""

import polars as pl

from features.columns.bollinger import touch_lower_bb, touch_upper_bb
from features.columns.candles import bearish_engulfing, bullish_engulfing, hammer, shooting_star
from features.columns.divergence import bearish_divergence, bullish_divergence
from features.columns.reversion import (
    overbought_20,
    oversold_20,
    reverting_down_20,
    reverting_up_20,
)
from features.columns.support import near_resistance_20, near_support_20
from features.columns.volume import vol_bearish, vol_bullish
from features.formulas.column import column

FAMILY = "entry score"
BUY_SIGNALS = (
    near_support_20,
    oversold_20,
    reverting_up_20,
    vol_bullish,
    hammer,
    bullish_engulfing,
    bullish_divergence,
    touch_lower_bb,
)
SELL_SIGNALS = (
    near_resistance_20,
    overbought_20,
    reverting_down_20,
    vol_bearish,
    shooting_star,
    bearish_engulfing,
    bearish_divergence,
    touch_upper_bb,
)


@column(FAMILY, warmup=24)
def buy_score() -> pl.Expr:
    """Share of 8 buy signals that hold.

    near_support_20, oversold_20, reverting_up_20, vol_bullish, hammer, bullish_engulfing,
    bullish_divergence, touch_lower_bb.
    """
    return pl.mean_horizontal(signal() for signal in BUY_SIGNALS)


@column(FAMILY, warmup=24)
def sell_score() -> pl.Expr:
    """Share of 8 sell signals that hold.

    near_resistance_20, overbought_20, reverting_down_20, vol_bearish, shooting_star,
    bearish_engulfing, bearish_divergence, touch_upper_bb.
    """
    return pl.mean_horizontal(signal() for signal in SELL_SIGNALS)


@column(FAMILY, warmup=24)
def entry_score() -> pl.Expr:
    """buy_score - sell_score: -1..1."""
    return buy_score() - sell_score()
