"""A policy that draws every action uniformly, for tests that need a walk with many trades."""

import numpy as np

from envs import Market, V6Params, Window
from train.backtest.evaluation import Evaluation, evaluate


def trade_at_random(
    market: Market, params: V6Params, window: Window, *, seed: int = 0
) -> Evaluation:
    """Its walk through a window; arguments as of `train.backtest.evaluation.evaluate`."""
    generator = np.random.default_rng(seed)

    def act(observation: np.ndarray) -> np.ndarray:
        return generator.integers(0, 3, size=(len(observation), market.num_assets))

    return evaluate(act, market, params, window, seed=seed, kind="random")
