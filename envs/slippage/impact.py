"""Slippage that grows with the square root of an order's part in the bar's volume."""

import math

from envs.slippage.draws import DrawKey
from envs.slippage.model import Quote, SlippageModel

MAX_IMPACT = 0.05  # cap, share of price


def impact_slippage(notional: float, quote: Quote, key: DrawKey, factor: float) -> float:
    """Slippage by the square-root law, share of price, capped at 5 %.

    `factor + volatility * sqrt(notional / dollar_volume)`: R. Almgren et al., "Direct Estimation of
    Equity Market Impact" (2005); B. Tóth et al., Phys. Rev. X 1, 021006 (2011). Volatility and
    volume are those of the decision bar, which is over when the order is sent.
    """
    if quote.dollar_volume <= 0.0:
        return MAX_IMPACT
    participation = notional / quote.dollar_volume
    return min(factor + quote.volatility * math.sqrt(participation), MAX_IMPACT)


IMPACT = SlippageModel(
    name="impact",
    summary="`market_impact_factor + volatility * sqrt(notional / dollar volume)`, at most 5 %; "
    "volatility and volume of bar t, which is over. Square-root law: Almgren et al. (2005), "
    "Tóth et al. (2011)",
    share=impact_slippage,
    reads_liquidity=True,
)
