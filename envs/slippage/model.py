"""What a slippage model is, and what it may look at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from envs.slippage.draws import DrawKey


class Quote(NamedTuple):
    """What an order meets: the price before costs, and the liquidity at the decision bar."""

    price: float  # USD
    volatility: float  # standard deviation of one bar's return
    dollar_volume: float  # USD traded in the decision bar


# (notional in USD, quote, draw key, `market_impact_factor`) -> share of price
Share = Callable[[float, Quote, DrawKey, float], float]


@dataclass(frozen=True, kw_only=True)
class SlippageModel:
    """A slippage model: the kernel, the trader, dearer costs and the docs read nothing else."""

    name: str  # what `slippage_model` says in a scenario
    summary: str  # one line of docs/environment.md

    # Slippage of one order, share of price, always against the order. The kernel compiles it: it
    # takes and makes numbers only, and calls nothing but `math` and functions like itself.
    share: Share

    # Whether it reads the quote's volatility and dollar volume, which a Market must then have;
    # else both are 0.
    reads_liquidity: bool = False

    # Mean of the part that no parameter scales: where costs are made dearer, the spread makes up
    # for it.
    fixed_mean_bps: float = 0.0

    # The most that any order pays, share of price; None where a larger order pays no less, so
    # that the largest one bounds the others.
    highest: float | None = None

    def at_most(self, notional: float, quote: Quote, key: DrawKey, factor: float) -> float:
        """What an order of `notional` USD or less pays at most, share of price."""
        if self.highest is not None:
            return self.highest
        return self.share(notional, quote, key, factor)
