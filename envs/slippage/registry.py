"""The slippage models that a scenario can name; a new one is a file here and a line below."""

from collections.abc import Callable
from functools import reduce

from envs.slippage.draws import DrawKey
from envs.slippage.impact import IMPACT
from envs.slippage.model import Quote, Share, SlippageModel
from envs.slippage.none import NONE
from envs.slippage.realistic import REALISTIC

MODELS: tuple[SlippageModel, ...] = (
    NONE,
    REALISTIC,
    IMPACT,
)

# The position of a model in MODELS stands for its name wherever only numbers go.
CODES = {model.name: code for code, model in enumerate(MODELS)}

CodedShare = Callable[[int, float, Quote, DrawKey, float], float]


def _alone(share: Share) -> CodedShare:
    def slippage(code: int, notional: float, quote: Quote, key: DrawKey, factor: float) -> float:
        return share(notional, quote, key, factor)

    return slippage


def _with(others: CodedShare, own: int) -> CodedShare:
    """`others`, and the model at `own`."""
    share = MODELS[own].share

    def slippage(code: int, notional: float, quote: Quote, key: DrawKey, factor: float) -> float:
        if code == own:
            return share(notional, quote, key, factor)
        return others(code, notional, quote, key, factor)

    return slippage


# Slippage by code: one `if` a model, for a compiler inlines calls that it sees, and no table of
# functions.
coded_share: CodedShare = reduce(_with, range(1, len(MODELS)), _alone(MODELS[0].share))
