"""Slippage that is drawn for each order, as the original V6 does; its size does not matter."""

from envs.slippage.draws import DrawKey, uniform
from envs.slippage.model import Quote, SlippageModel

LOWEST_BPS, HIGHEST_BPS = 1.0, 10.0
_LOWEST = LOWEST_BPS / 1e4  # share of price
_RANGE = (HIGHEST_BPS - LOWEST_BPS) / 1e4


def uniform_slippage(notional: float, quote: Quote, key: DrawKey, factor: float) -> float:
    """Slippage uniform over 1..10 bps, share of price."""
    return _LOWEST + _RANGE * uniform(key)


REALISTIC = SlippageModel(
    name="realistic",
    summary="uniform over 1..10 bps, a hash of (seed, environment, bar, asset): a replay repeats "
    "a backtest",
    share=uniform_slippage,
    fixed_mean_bps=(LOWEST_BPS + HIGHEST_BPS) / 2.0,
    highest=_LOWEST + _RANGE,
)
