"""An account that holds given shares of its equity, at the policy's fills, costs and moments.

It sends target weights, not actions, so V6's limits on position size and on trades a day do not
bind it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from envs import Market, V6Params, rules
from train.evaluation import Course, Evaluation

REBALANCE_SESSIONS = 21  # about a month
_ROUNDING = 1e-9  # kept back of a purchase, so that the last of many finds its cash

Weights = npt.NDArray[np.float64]  # (A,) shares of equity, not negative, in total at most 1
Target = Callable[[int], Weights | None]  # decision bar -> what to hold; None: leave it as it is


@dataclass(eq=False)
class Account:
    """Cash and shares, traded by the functions of `envs.rules`."""

    market: Market
    params: V6Params
    seed: int

    def __post_init__(self) -> None:
        self.rule = self.params.rule_params()
        self.cash = float(self.params.initial_balance)  # USD
        self.shares = np.zeros(self.market.num_assets)  # (A,)
        self.prices = self.market.close
        if self.params.fill_lag:
            self.prices = self.market.require("open", "a baseline that fills at the next open")

    def rebalance(self, bar: int, weights: Weights) -> list[rules.Fill]:
        """Bring every asset that trades to its weight: first sells, then buys.

        What an asset that does not trade at the fill should get goes to the others, in proportion.
        """
        at = bar + self.params.fill_lag
        prices, tradable = self.prices[at], self.market.tradable[at]
        held = self.shares * prices  # (A,) USD
        wanted = np.where(tradable, weights, 0.0)
        if wanted.sum() == 0.0 < weights.sum():
            return []
        wanted *= weights.sum() / max(wanted.sum(), _ROUNDING)
        target = np.where(tradable, (self.cash + held[tradable].sum()) * wanted, held)
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


def walk(name: str, account: Account, window: tuple[int, int], target: Target) -> Evaluation:
    """Walk an account once through a window: decisions at bars low .. high - 1."""
    course = Course(account.market, window, account.params)
    for step, mark in enumerate(course.bars):
        bar = int(mark) - account.params.fill_lag
        weights = target(bar)
        if weights is not None:
            before, held = account.cash, account.shares.copy()
            course.fills += len(account.rebalance(bar, weights))
            change = (account.shares - held) * account.prices[mark]  # (A,) USD
            course.traded[step] = np.abs(change).sum()
            course.costs[step] = before - account.cash - change.sum()
        course.equity[step] = account.equity(int(mark))
        course.cash[step] = account.cash
        course.shares[step] = account.shares
    return course.finish(name, sent_actions=False)


def monthly(market: Market, window: tuple[int, int]) -> frozenset[int]:
    """The first bar of every 21st session of a window, its first one included."""
    low, high = window
    session = market.session[low : high + 1]
    starts = low + np.flatnonzero(np.diff(session, prepend=session[0] - 1))
    return frozenset(starts[::REBALANCE_SESSIONS].tolist())


def session_ends(market: Market, bar: int) -> npt.NDArray[np.int64]:
    """Last bars (S,) of the sessions that were over before the session of `bar`, oldest first."""
    first = int(np.searchsorted(market.session, market.session[bar]))
    return np.flatnonzero(np.diff(market.session[: first + 1]))
