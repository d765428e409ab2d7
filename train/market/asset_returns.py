"""What each asset earned from bar to bar, also where a slot changes its name.

Legend: A assets, T bars.
"""

import numpy as np

from envs import Market
from envs.arrays import Float64


def log_returns(market: Market) -> Float64:
    """Log returns (T, A) from close to close, 0 at the first bar.

    At the bar where a slot has a new name, the price jumps and nobody earns that: the return is
    the newcomer's from its open, or 0 in a Market without opens.
    """
    returns = np.diff(np.log(market.close), axis=0, prepend=np.log(market.close[:1]))
    if market.occupant is None:
        return returns
    came = np.diff(market.occupant, axis=0, prepend=market.occupant[:1]) != 0
    opens = market.close if market.open is None else market.open
    returns[came] = np.log(market.close[came] / opens[came])
    return returns
