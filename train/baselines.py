"""What anyone could have done without a policy, under the same costs and the same fills.

A baseline decides at the bars that a policy decides at, fills at the price that a policy fills at
and pays through the same functions of `envs.rules`. It sends target weights, not actions, so V6's
limits on position size and on trades a day do not bind it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs import Market, V6Params, rules
from train.evaluation import Course, Evaluation

INDEX_SYMBOLS = ("SPY", "VOO", "IVV")  # funds of the S&P 500, in order of preference
REBALANCE_SESSIONS = 21  # about a month
_ROUNDING = 1e-9  # kept back of a purchase, so that the last of many finds its cash

Weights = npt.NDArray[np.float64]  # (A,) shares of equity
Schedule = Callable[[int], bool]  # bar -> rebalance there?


def flat(market: Market, params: V6Params, window: tuple[int, int], *, seed: int = 0) -> Evaluation:
    """Never trades."""
    return _walk("flat", _Account(market, params, seed), window, lambda bar: False)


def buy_and_hold(
    market: Market, params: V6Params, window: tuple[int, int], *, seed: int = 0
) -> Evaluation:
    """Invests everything at the first fill and keeps it.

    Into the index where the market holds one of `INDEX_SYMBOLS`, and then it is called
    `buy_and_hold SPY`; else equal amounts of every symbol that trades at that bar.
    """
    index = next((symbol for symbol in INDEX_SYMBOLS if symbol in market.symbols), None)
    account = _Account(market, params, seed)
    if index is not None:
        account.wanted = np.array([symbol == index for symbol in market.symbols])
    name = f"buy_and_hold {index}" if index else "buy_and_hold"
    return _walk(name, account, window, lambda bar: bar == window[0])


def equal_weight(
    market: Market, params: V6Params, window: tuple[int, int], *, seed: int = 0
) -> Evaluation:
    """Equal amounts of every symbol that trades, restored every 21 sessions."""
    low, high = window
    session = market.session[low : high + 1]
    starts = low + np.flatnonzero(np.diff(session, prepend=session[0] - 1))
    due = set(starts[::REBALANCE_SESSIONS].tolist())
    return _walk("equal_weight", _Account(market, params, seed), window, due.__contains__)


def baselines(
    market: Market, params: V6Params, window: tuple[int, int], *, seed: int = 0
) -> list[Evaluation]:
    """The three that a verdict needs: flat, buy and hold, equal weight."""
    makers = (flat, buy_and_hold, equal_weight)
    return [make(market, params, window, seed=seed) for make in makers]


@dataclass(eq=False)
class _Account:
    market: Market
    params: V6Params
    seed: int

    def __post_init__(self) -> None:
        self.rule = self.params.rule_params()
        self.cash = float(self.params.initial_balance)  # USD
        self.shares = np.zeros(self.market.num_assets)  # (A,)
        self.wanted = np.ones(self.market.num_assets, np.bool_)  # (A,) symbols to hold
        self.prices = self.market.close
        if self.params.fill_lag:
            self.prices = self.market.require("open", "a baseline that fills at the next open")

    def rebalance(self, bar: int) -> list[rules.Fill]:
        """Bring every wanted symbol that trades to equal value: first sells, then buys."""
        at = bar + self.params.fill_lag
        prices, tradable = self.prices[at], self.market.tradable[at]
        held = self.shares * prices  # (A,) USD
        chosen = self.wanted & tradable
        if not chosen.any():
            return []
        target = np.where(chosen, (self.cash + held[tradable].sum()) / chosen.sum(), held)
        gap = target - held  # (A,) USD
        sells = [
            self._sell(bar, a, -gap[a] / prices[a]) for a in np.flatnonzero(gap < 0.0).tolist()
        ]
        buying = np.flatnonzero(gap > 0.0)
        # Costs leave less cash than was planned with: every purchase shrinks alike.
        fees = self.params.sec_fee + self.params.finra_taf
        budget = (self.cash - len(buying) * self.params.commission) / (1.0 + fees)
        scale = min(1.0, budget * (1.0 - _ROUNDING) / max(gap[buying].sum(), _ROUNDING))
        buys = [self._buy(bar, a, gap[a] * scale) for a in buying.tolist()]
        return [fill for fill in sells + buys if fill.code == rules.FILLED]

    def equity(self, bar: int) -> float:
        """USD at the closes of `bar`."""
        return self.cash + float(self.shares @ self.market.close[bar])

    def _buy(self, bar: int, asset: int, amount: float) -> rules.Fill:
        return self._booked(asset, rules.fill_buy(amount, self.cash, *self._terms(bar, asset)))

    def _sell(self, bar: int, asset: int, shares: float) -> rules.Fill:
        entry = 1.0  # only prices a win or a loss, which a baseline does not count
        return self._booked(asset, rules.fill_sell(shares, entry, *self._terms(bar, asset)))

    def _terms(self, bar: int, asset: int) -> tuple[rules.Quote, rules.DrawKey, rules.RuleParams]:
        volatility = dollars = 0.0
        if self.params.slippage_model == "impact":
            volatility = float(self.market.require("volatility", "impact")[bar, asset])
            volume = self.market.require("volume", "impact")[bar, asset]
            dollars = float(volume * self.market.close[bar, asset])
        price = float(self.prices[bar + self.params.fill_lag, asset])
        key = rules.DrawKey(rules.fold_seed(self.seed), 0, bar, int(asset))
        return rules.Quote(price, volatility, dollars), key, self.rule

    def _booked(self, asset: int, fill: rules.Fill) -> rules.Fill:
        self.cash += fill.cash
        self.shares[asset] += fill.shares
        return fill


def _walk(name: str, account: _Account, window: tuple[int, int], due: Schedule) -> Evaluation:
    course = Course(account.market, window, account.params)
    for step, mark in enumerate(course.bars):
        bar = int(mark) - account.params.fill_lag
        if due(bar):
            before, held = account.cash, account.shares.copy()
            course.fills += len(account.rebalance(bar))
            change = (account.shares - held) * account.prices[mark]  # (A,) USD
            course.traded[step] = np.abs(change).sum()
            course.costs[step] = before - account.cash - change.sum()
        course.equity[step] = account.equity(int(mark))
        course.cash[step] = account.cash
    return course.finish(name, sent_actions=False)
