"""The policy that sends one action for ever."""

import numpy as np

from envs import Market, V6Params, Window, rules
from envs.arrays import Float32, Int64
from train.backtest.evaluation import Evaluation, evaluate


def always_buy(market: Market, params: V6Params, window: Window, *, seed: int = 0) -> Evaluation:
    """BUY for every asset at every bar, within V6's limits; the other two constants never trade."""

    def act(observation: Float32) -> Int64:
        return np.full((len(observation), market.num_assets), rules.BUY)

    return evaluate(act, market, params, window, seed=seed, kind="always_buy")
