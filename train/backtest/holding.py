"""Baselines that ask no bar what to hold: cash, the index or all symbols, and equal weights."""

import numpy as np

from envs import Market, V6Params, Window
from train.backtest.account import Account, Weights, monthly, walk
from train.backtest.evaluation import Evaluation

INDEX_SYMBOLS = ("SPY", "VOO", "IVV")  # funds of the S&P 500, in order of preference


def flat(market: Market, params: V6Params, window: Window, *, seed: int = 0) -> Evaluation:
    """Never trades."""
    return walk("flat", Account(market, params, seed), window, lambda bar: None)


def buy_and_hold(market: Market, params: V6Params, window: Window, *, seed: int = 0) -> Evaluation:
    """Invests everything at the first fill and keeps it.

    Into the index where the market holds one of `INDEX_SYMBOLS`, and then it is called
    `buy_and_hold SPY`; else equal amounts of every symbol that trades at that bar. What the sale of
    a name that leaves its slot brought goes into the slot's next name, an open later.
    """
    index = next((symbol for symbol in INDEX_SYMBOLS if symbol in market.symbols), None)
    weights = _equal(market)
    if index is not None:
        weights = np.array([float(symbol == index) for symbol in market.symbols])
    account = Account(market, params, seed)
    account.reinvests = True
    quiet = (bar for bar in range(window.start, window.last) if not account.handed_over(bar).any())
    first = next(quiet, window.start)
    return walk(
        "buy_and_hold",
        account,
        window,
        lambda bar: weights if bar == first else None,
        symbol=index or "",
    )


def equal_weight(market: Market, params: V6Params, window: Window, *, seed: int = 0) -> Evaluation:
    """Equal amounts of every symbol that trades, restored every 21 sessions.

    Where slots change names, restored at the close after a change instead: the newcomers' share.
    """
    due, weights = monthly(market, window), _equal(market)
    account = Account(market, params, seed)
    return walk("equal_weight", account, window, lambda bar: weights if bar in due else None)


def _equal(market: Market) -> Weights:
    return np.full(market.num_assets, 1.0 / market.num_assets)
