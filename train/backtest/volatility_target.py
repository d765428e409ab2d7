"""Volatility target: less of the market while it is wild, all of it while it is calm.

Moreira and Muir, Volatility-Managed Portfolios (2017), J. of Finance 72(4), with the volatility of
the month before; there with leverage, here without.
"""

import numpy as np

from envs import Market, V6Params, Window
from features.bars.sessions import SESSIONS_A_YEAR
from train.backtest.account import Account, Weights, monthly, session_ends, walk
from train.backtest.evaluation import Evaluation
from train.market.regimes import market_returns

TARGET = 0.10  # a year
MEMORY = 21  # sessions


def volatility_target(
    market: Market, params: V6Params, window: Window, *, seed: int = 0
) -> Evaluation:
    """Equal weight times `min(1, 10 % / volatility of the last 21 sessions)`, anew as often.

    The volatility uses bars before the window, but only sessions that are over; without 21 of
    them, everything is invested.
    """
    due = monthly(market, window)
    wealth = np.cumsum(market_returns(market))  # (T,) log

    def target(bar: int) -> Weights | None:
        if bar not in due:
            return None
        closes = wealth[session_ends(market, bar)[-MEMORY - 1 :]]
        return np.full(market.num_assets, _invested(np.diff(closes)) / market.num_assets)

    return walk("volatility_target", Account(market, params, seed), window, target)


def _invested(returns: Weights) -> float:
    """Share of equity for the daily returns of the last sessions."""
    if len(returns) < MEMORY:
        return 1.0
    volatility = float(np.std(returns, ddof=1)) * SESSIONS_A_YEAR**0.5
    return min(1.0, TARGET / volatility) if volatility > 0.0 else 1.0
