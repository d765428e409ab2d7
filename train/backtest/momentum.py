"""Momentum 12-1: what rose most over the last year, but for its last month, is held for a month.

Jegadeesh and Titman, Returns to Buying Winners and Selling Losers (1993), J. of Finance 48(1); of
sectors: Moskowitz and Grinblatt, Do Industries Explain Momentum? (1999), J. of Finance 54(4).
"""

import numpy as np

from envs import Market, V6Params, Window
from envs.arrays import Bool, Int64
from features.bars.sessions import SESSIONS_A_YEAR
from features.universe.sector_of import sectors_by_name
from train.backtest.account import Account, Weights, monthly, session_ends, walk
from train.backtest.evaluation import Evaluation
from train.market.asset_returns import bar_returns

LOOKBACK = SESSIONS_A_YEAR
SKIPPED = 21  # the last ones of them, whose returns tend to reverse
LEAST = 2 * SKIPPED  # daily returns; with fewer nothing is ranked
HELD = 3  # one group of so many, rounded up, is held


def momentum(market: Market, params: V6Params, window: Window, *, seed: int = 0) -> Evaluation:
    """Equal amounts of the names in the best third of the sectors, chosen anew every 21 sessions.

    A Market knows no sectors: those of slots and of simulated symbols are in their names, and any
    other name, such as a sector fund, is a sector of its own. The choice uses bars before the
    window, but only sessions that are over. Where there are less than 252 of them, the year is as
    long as they are; up to 42, all names are held.
    """
    due = monthly(market, window)
    groups = _groups(market.symbols)

    def target(bar: int) -> Weights | None:
        return momentum_weights(market, groups, bar) if bar in due else None

    return walk("momentum", Account(market, params, seed), window, target)


def momentum_weights(market: Market, groups: Int64, bar: int) -> Weights:
    """What to hold (A,) as decided at `bar`.

    Args:
        market: the bars.
        groups: (A,) number of the sector of each asset, 0 .. G - 1.
        bar: the decision bar.
    """
    ends = session_ends(market, bar)
    everything = np.ones(market.num_assets, np.bool_)
    if len(ends) <= LEAST:
        return _equal_amounts(everything)
    first, last = ends[-min(LOOKBACK + 1, len(ends))], ends[-SKIPPED - 1]
    # (A,) those that have traded since then, and trade now
    ranked = market.tradable[bar] & market.tradable[: first + 1].any(axis=0)
    if not ranked.any():
        return _equal_amounts(everything)
    grown = np.exp(bar_returns(market).log[first + 1 : last + 1].sum(axis=0))  # (A,)
    gains = np.where(ranked, grown - 1.0, 0.0)
    members = np.bincount(groups, weights=ranked)  # (G,)
    score = np.bincount(groups, weights=gains) / np.maximum(members, 1.0)
    score[members == 0.0] = -np.inf
    wanted = -(-np.count_nonzero(members) // HELD)
    best = np.argsort(-score, kind="stable")[:wanted]
    return _equal_amounts(ranked & np.isin(groups, best))


def _equal_amounts(chosen: Bool) -> Weights:
    weights: Weights = chosen / chosen.sum()
    return weights


def _groups(symbols: tuple[str, ...]) -> Int64:
    known = sectors_by_name(symbols)
    names = [known.get(symbol, symbol) for symbol in symbols]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
