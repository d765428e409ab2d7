"""No slippage: an order fills at the price, less spread and fees."""

from envs.slippage.draws import DrawKey
from envs.slippage.model import Quote, SlippageModel


def no_slippage(notional: float, quote: Quote, key: DrawKey, factor: float) -> float:
    """0, whatever the order."""
    return 0.0


NONE = SlippageModel(name="none", summary="0", share=no_slippage)
