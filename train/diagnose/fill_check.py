"""Whether a walk's orders were filled at prices that nobody had seen when they were sent.

The actions of a walk are booked once more, order by order in plain Python, at the open of the bar
after each decision; the walk's own equity must be that to a cent in a billion dollars. So a fill at
the close that the decision had seen, or prices that lie one bar too early, are found and named.
"""

import numpy as np
import numpy.typing as npt

from envs import Market, V6Params, Window, rules
from envs.arrays import Bool, Float64
from envs.slippage.draws import DrawKey, fold_seed
from envs.slippage.model import Quote
from train.backtest.evaluation import Evaluation

TOLERANCE = 1e-9  # of the equity


def fill_fault(
    walk: Evaluation, market: Market, params: V6Params, window: Window, seed: int = 0
) -> str:
    """What is wrong with the fills of a walk, in words; empty when nothing is.

    Args:
        walk: of a policy, with its actions.
        market: the bars that it should have walked.
        params: V6 parameters of the walk.
        window: the bars; the last one only marks the account.
        seed: of its slippage draws.
    """
    if walk.bars[0] == window.start:
        return (
            "orders fill at the close that they were decided on (fill_lag 0), which was over when "
            "they were sent"
        )
    booked = equity_at_next_open(walk, market, params, seed)
    wrong = np.flatnonzero(np.abs(walk.equity - booked) > TOLERANCE * np.abs(booked))
    if len(wrong) == 0:
        return ""
    first = int(wrong[0])
    bar = int(walk.bars[first - 1])
    return (
        f"the walk has {walk.equity[first]:,.2f} at the close of bar {bar}, and orders that fill "
        f"at that bar's open leave {booked[first]:,.2f}"
    )


def equity_at_next_open(
    walk: Evaluation, market: Market, params: V6Params, seed: int = 0
) -> Float64:
    """Equity (N + 1,) of the walk's actions when each order fills at the open of the next bar."""
    assert walk.actions is not None, "a baseline sends no actions"
    account = _Account(market, params, seed)
    equity = np.full(len(walk.bars) + 1, account.equity)
    for step, mark in enumerate(walk.bars.tolist()):
        account.step(mark - 1, walk.actions[step])
        equity[step + 1 :] = account.equity
        if rules.is_ruined(account.equity, account.cash, account.rule):
            break
    return equity


class _Account:
    """One account of V6, booked with the functions of `envs.rules`; the loop is its own."""

    def __init__(self, market: Market, params: V6Params, seed: int) -> None:
        self.market, self.params = market, params
        self.rule, self.seed = params.rule_params(), fold_seed(seed)
        self.open = market.require("open", "fills at the next bar's open")
        self.cash = self.equity = float(params.initial_balance)  # USD
        self.shares = np.zeros(market.num_assets)  # (A,)
        self.entry = np.zeros(market.num_assets)  # (A,) USD
        self.last_trade = np.full(market.num_assets, rules.NEVER_TRADED)  # (A,) bar
        self.trades_today = 0

    def step(self, bar: int, actions: npt.NDArray[np.int8]) -> None:
        """Serve the orders decided at `bar`, then mark at the close of the bar after."""
        session = self.market.session
        if bar > 0 and session[bar] != session[bar - 1]:
            self.trades_today = 0
        left = self._sell_leavers(bar)
        for asset in np.flatnonzero((actions != rules.HOLD) & ~left).tolist():
            self._serve(bar, asset, buys=bool(actions[asset] == rules.BUY))
        self.equity = self.cash + float(self.shares @ self.market.close[bar + 1])

    def _sell_leavers(self, bar: int) -> Bool:
        """Sell who is out of a slot at the fill bar, as `rules.slot_refusal` says; (A,) slots."""
        occupant = self.market.occupant
        if occupant is None:
            return np.zeros(self.market.num_assets, np.bool_)
        left: Bool = occupant[bar] != occupant[bar + 1]
        prices = self.market.require("exit_price", "a slot")[bar + 1]
        for asset in np.flatnonzero(left).tolist():
            held, entry = float(self.shares[asset]), float(self.entry[asset])
            fill = rules.fill_sell(held, entry, *self._terms(bar, asset, float(prices[asset])))
            self.cash += fill.cash
            self.shares[asset] = self.entry[asset] = 0.0
            self.last_trade[asset] = rules.NEVER_TRADED
        return left

    def _serve(self, bar: int, asset: int, *, buys: bool) -> None:
        price, held = float(self.open[bar + 1, asset]), float(self.shares[asset])
        waited = bar - int(self.last_trade[asset])
        tradable = bool(self.market.tradable[bar + 1, asset])
        if rules.order_refusal(self.trades_today, waited, price, tradable, self.rule):
            return
        terms = self._terms(bar, asset, price)
        if buys:
            invest = rules.buy_notional(self.cash, self.equity, self.rule)
            fill = rules.fill_buy(invest, self.cash, *terms)
        else:
            fill = rules.fill_sell(held, float(self.entry[asset]), *terms)
        if fill.code != rules.FILLED:
            return
        self.entry[asset] = rules.entry_after(held, float(self.entry[asset]), fill, self.rule)
        self.cash += fill.cash
        self.shares[asset] += fill.shares
        self.last_trade[asset] = bar
        self.trades_today += 1

    def _terms(self, bar: int, asset: int, price: float) -> tuple[Quote, DrawKey, rules.RuleParams]:
        volatility = dollars = 0.0
        if self.params.slippage.reads_liquidity:
            volume = self.market.require("volume", "the slippage model")
            dollars = float(volume[bar, asset] * self.market.close[bar, asset])
            volatility = float(self.market.require("volatility", "the slippage model")[bar, asset])
        key = DrawKey(self.seed, 0, bar, asset)
        return Quote(price, volatility, dollars), key, self.rule
