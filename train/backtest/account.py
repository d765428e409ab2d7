"""An account that holds given shares of its equity, at the policy's fills, costs and moments.

It sends target weights, not actions, so V6's limits on position size and on trades a day do not
bind it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from envs import Market, V6Params, Window, rules
from envs.arrays import Bool, Float64, Int64
from envs.slippage.draws import DrawKey, fold_seed
from envs.slippage.model import Quote
from train.backtest.evaluation import Course, Evaluation

REBALANCE_SESSIONS = 21  # about a month
_ROUNDING = 1e-9  # kept back of a purchase, so that the last of many finds its cash

Weights = Float64  # (A,) shares of equity, not negative, in total at most 1
Target = Callable[[int], Weights | None]  # decision bar -> what to hold; None: leave it as it is


@dataclass(eq=False)
class Account:
    """Cash and shares, traded by the functions of `envs.rules`; leavers are sold as in V6."""

    market: Market
    params: V6Params
    seed: int
    reinvests: bool = False  # what a leaver brought, in the slot's next name

    def __post_init__(self) -> None:
        self.rule = self.params.rule_params()
        self.cash = float(self.params.initial_balance)  # USD
        self.shares = np.zeros(self.market.num_assets)  # (A,)
        self.idle = np.zeros(self.market.num_assets)  # (A,) USD that leavers brought
        self.fills = 0
        self.traded = 0.0  # USD, at prices before costs
        self.costs = 0.0  # USD
        self.prices = self.market.close
        if self.params.fill_lag:
            self.prices = self.market.require("open", "a baseline that fills at the next open")

    def rebalance(self, bar: int, weights: Weights) -> None:
        """Bring every asset that trades to its weight: first sells, then buys.

        What an asset that does not trade at the fill should get goes to the others, in proportion.
        """
        at = bar + self.params.fill_lag
        prices, trades = self.prices[at], self.market.tradable[at] & ~self.handed_over(bar)
        held = self.shares * prices  # (A,) USD
        wanted = np.where(trades, weights, 0.0)
        if wanted.sum() == 0.0 < weights.sum():
            return
        wanted *= weights.sum() / max(wanted.sum(), _ROUNDING)
        target = np.where(trades, (self.cash + held[trades].sum()) * wanted, held)
        gap = target - held  # (A,) USD
        for a in np.flatnonzero(gap < 0.0).tolist():
            self._sell(bar, a, -gap[a] / prices[a])
        buying = np.flatnonzero(gap > 0.0)
        # Costs leave less cash than was planned with: every purchase shrinks alike.
        fees = self.params.sec_fee + self.params.finra_taf
        budget = (self.cash - len(buying) * self.params.commission) / (1.0 + fees)
        scale = min(1.0, budget * (1.0 - _ROUNDING) / max(gap[buying].sum(), _ROUNDING))
        for a in buying.tolist():
            self._buy(bar, a, gap[a] * scale)

    def sell_leavers(self, bar: int) -> None:
        """Sell what is held of names that are out of their slot at the fill bar."""
        at = bar + self.params.fill_lag
        for a in np.flatnonzero(self.handed_over(bar) & (self.shares > 0.0)).tolist():
            price = float(self.market.require("exit_price", "a slot")[at, a])
            self.idle[a] = self._sell(bar, a, self.shares[a], price).cash
            self.shares[a] = 0.0

    def reinvest(self, bar: int) -> None:
        """Put what leavers brought into the names that trade in their slots now."""
        at = bar + self.params.fill_lag
        ready = (self.idle > 0.0) & self.market.tradable[at] & ~self.handed_over(bar)
        fees = self.params.sec_fee + self.params.finra_taf
        for a in np.flatnonzero(ready).tolist():
            cash = max(min(self.idle[a], self.cash) - self.params.commission, 0.0)
            self._buy(bar, a, cash / (1.0 + fees) * (1.0 - _ROUNDING))
            self.idle[a] = 0.0

    def handed_over(self, bar: int) -> Bool:
        """(A,) slots with another name at the fill bar than at the decision bar `bar`."""
        occupant = self.market.occupant
        if occupant is None:
            return np.zeros(self.market.num_assets, np.bool_)
        before, after = occupant[bar].tolist(), occupant[bar + self.params.fill_lag].tolist()
        codes = [rules.slot_refusal(*pair) for pair in zip(before, after, strict=True)]
        moved: Bool = np.array(codes) == rules.HANDED_OVER
        return moved

    def equity(self, bar: int) -> float:
        """USD at the closes of `bar`."""
        return self.cash + float(self.shares @ self.market.close[bar])

    def _buy(self, bar: int, asset: int, amount: float) -> rules.Fill:
        price = float(self.prices[bar + self.params.fill_lag, asset])
        terms = self._terms(bar, asset, price)
        return self._booked(asset, price, rules.fill_buy(amount, self.cash, *terms))

    def _sell(
        self, bar: int, asset: int, shares: float, exit_price: float | None = None
    ) -> rules.Fill:
        entry = 1.0  # only prices a win or a loss, which a baseline does not count
        own = float(self.prices[bar + self.params.fill_lag, asset])
        price = own if exit_price is None else exit_price
        terms = self._terms(bar, asset, price)
        return self._booked(asset, price, rules.fill_sell(shares, entry, *terms))

    def _terms(self, bar: int, asset: int, price: float) -> tuple[Quote, DrawKey, rules.RuleParams]:
        volatility = dollars = 0.0
        if self.params.slippage.reads_liquidity:
            volatility = float(self.market.require("volatility", "the slippage model")[bar, asset])
            volume = self.market.require("volume", "the slippage model")[bar, asset]
            dollars = float(volume * self.market.close[bar, asset])
        key = DrawKey(fold_seed(self.seed), 0, bar, int(asset))
        return Quote(price, volatility, dollars), key, self.rule

    def _booked(self, asset: int, price: float, fill: rules.Fill) -> rules.Fill:
        self.fills += fill.code == rules.FILLED
        self.traded += abs(fill.shares) * price
        self.costs -= fill.cash + fill.shares * price
        self.cash += fill.cash
        self.shares[asset] += fill.shares
        return fill


def walk(
    kind: str, account: Account, window: Window, target: Target, *, symbol: str = ""
) -> Evaluation:
    """Walk an account once through a window: decisions at every bar but the last."""
    course = Course(account.market, window, account.params)
    for step, mark in enumerate(course.bars):
        bar = int(mark) - account.params.fill_lag
        account.traded = account.costs = 0.0
        account.sell_leavers(bar)
        weights = target(bar)
        if weights is not None:
            account.rebalance(bar, weights)
        if account.reinvests:
            account.reinvest(bar)
        course.traded[step], course.costs[step] = account.traded, account.costs
        course.equity[step] = account.equity(int(mark))
        course.cash[step] = account.cash
        course.shares[step] = account.shares
    course.fills = account.fills
    return course.finish(kind, symbol=symbol, sent_actions=False)


def monthly(market: Market, window: Window) -> frozenset[int]:
    """The first bar of every 21st session of a window, its first one included.

    Where slots change names: the first bar, and the close after each change.
    """
    low = window.start
    if market.occupant is not None:
        moves = np.diff(market.occupant[window.slice], axis=0).any(axis=1)
        return frozenset((low, *(low + 1 + np.flatnonzero(moves)).tolist()))
    session = market.session[window.slice]
    starts = low + np.flatnonzero(np.diff(session, prepend=session[0] - 1))
    return frozenset(starts[::REBALANCE_SESSIONS].tolist())


def session_ends(market: Market, bar: int) -> Int64:
    """Last bars (S,) of the sessions that were over before the session of `bar`, oldest first."""
    first = int(np.searchsorted(market.session, market.session[bar]))
    return np.flatnonzero(np.diff(market.session[: first + 1]))
