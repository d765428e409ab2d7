"""A plain scalar V6, written from the contract alone: the kernel's oracle, and its yardstick.

One environment, Python floats, no arrays in the loop, nothing shared with `envs.rules`. The only
thing it takes from outside is a function that draws uniform slippage.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


def five_and_a_half_bps(bar: int, asset: int) -> float:
    """The mean of the uniform slippage, where nobody asks for the draws themselves."""
    return 5.5e-4


@dataclass
class ScalarStep:
    reward: float
    terminated: bool
    truncated: bool
    terms: float


class ScalarV6:
    def __init__(
        self,
        market: Any,
        params: Any,
        draw: Callable[[int, int], float] = five_and_a_half_bps,
        last_bar: int | None = None,
    ) -> None:
        self.params = params
        self.draw = draw
        self.close = market.close.tolist()
        self.session = market.session.tolist()
        self.tradable = market.tradable.tolist()
        self.fill_prices = market.open.tolist() if params.fill_lag else self.close
        self.volume = None if market.volume is None else market.volume.tolist()
        self.volatility = None if market.volatility is None else market.volatility.tolist()
        slots = getattr(market, "occupant", None) is not None  # stand-ins have no such field
        self.occupant = market.occupant.tolist() if slots else None
        self.exit_price = market.exit_price.tolist() if slots else None
        self.assets = len(self.close[0])
        self.last_bar = len(self.close) - 1 if last_bar is None else last_bar
        self.reset(0)

    def reset(self, start: int) -> None:
        p = self.params
        self.start = self.t = start
        self.cash = self.equity = self.peak = p.initial_balance
        self.shares = [0.0] * self.assets
        self.entry = [0.0] * self.assets
        self.last_trade = [-999] * self.assets
        self.trades_today = self.total_trades = self.wins = self.losses = 0

    def step(self, actions: Sequence[int]) -> ScalarStep:
        p, t = self.params, self.t
        if t != self.start and self.session[t] != self.session[t - 1]:
            self.trades_today = 0
        terms, attempts = 0.0, 0
        void = self._sell_leavers() if self.occupant else set()
        for asset, action in enumerate(actions):
            if action != 0 and asset not in void:
                attempts += 1
                terms += self._serve(asset, action)
        before = self.equity
        marks = self.close[t + p.fill_lag]
        self.equity = self.cash + sum(n * x for n, x in zip(self.shares, marks, strict=True))
        self.peak = max(self.peak, self.equity)
        reward = 0.0 if t == self.start else self._reward(before, attempts, terms)
        self.t += 1
        limit = self.start + p.max_steps if p.max_steps_from_start else p.max_steps
        return ScalarStep(
            reward=reward,
            terminated=self.equity < 0.5 * p.initial_balance or self.cash < 0,
            truncated=self.t >= min(limit, self.last_bar),
            terms=terms,
        )

    def tail(self) -> list[float]:
        marks = self.close[self.t]
        initial = self.params.initial_balance
        shares = [n * x / self.equity for n, x in zip(self.shares, marks, strict=True)]
        return [
            *(min(max(share, 0.0), 1.0) for share in shares),
            min(max(self.cash / self.equity, 0.0), 1.0),
            min(max(self.equity / initial - 1, -1.0), 5.0),
            min(max(1 - self.equity / self.peak, 0.0), 1.0),
        ]

    def _sell_leavers(self) -> set[int]:
        """The slots with another name at the next bar; what they held is sold, none is counted."""
        t = self.t
        changed = {a for a in range(self.assets) if self.occupant[t][a] != self.occupant[t + 1][a]}
        for asset in sorted(changed):
            if self.shares[asset] >= 1e-6:
                trades_today = self.trades_today
                self._sell(asset, self.exit_price[t + 1][asset])
                self.trades_today = trades_today
            self.shares[asset] = self.entry[asset] = 0.0
            self.last_trade[asset] = -999
        return changed

    def _serve(self, asset: int, action: int) -> float:
        p, t = self.params, self.t
        if self.trades_today >= p.max_trades_per_day:
            return -0.02
        if t - self.last_trade[asset] < p.min_holding_period:
            return -0.01
        price = self.fill_prices[t + p.fill_lag][asset]
        if price <= 0 or not self.tradable[t + p.fill_lag][asset]:
            return -0.05
        return self._buy(asset, price) if action == 1 else self._sell(asset, price)

    def _buy(self, asset: int, price: float) -> float:
        p = self.params
        invest = min(self.cash * p.buy_pct, self.equity * p.max_position_pct)
        if invest < 1.1 * price:
            return -0.01
        cost = invest * (1 + p.sec_fee + p.finra_taf) + p.commission
        if cost > self.cash:
            return 0.0
        x = price * (1 + self._slippage(asset, invest)) * (1 + p.spread_bps / 1e4)
        bought = invest / x
        if p.average_cost:
            paid = self.shares[asset] * self.entry[asset] + invest
            self.entry[asset] = paid / (self.shares[asset] + bought)
        else:
            self.entry[asset] = x
        self.shares[asset] += bought
        self.cash -= cost
        self._count(asset)
        return 0.1

    def _sell(self, asset: int, price: float) -> float:
        p, held = self.params, self.shares[asset]
        if held < 1e-6:
            return -0.01
        x = price * (1 - self._slippage(asset, held * price)) * (1 - p.spread_bps / 1e4)
        net = held * x * (1 - p.sec_fee - p.finra_taf) - p.commission
        pnl = net / (held * self.entry[asset]) - 1
        if pnl > 0:
            self.wins += 1
        else:
            self.losses += 1
        self.cash += net
        self.shares[asset] = self.entry[asset] = 0.0
        self._count(asset)
        return p.reward_trade_success if pnl > 0.01 else 0.0

    def _count(self, asset: int) -> None:
        self.trades_today += 1
        self.total_trades += 1
        self.last_trade[asset] = self.t

    def _slippage(self, asset: int, notional: float) -> float:
        model, t = self.params.slippage_model, self.t
        if model == "none":
            return 0.0
        if model == "realistic":
            return self.draw(t, asset)
        dollars = self.volume[t][asset] * self.close[t][asset]
        if dollars <= 0:
            return 0.05
        impact = self.volatility[t][asset] * math.sqrt(notional / dollars)
        return min(self.params.market_impact_factor + impact, 0.05)

    def _reward(self, before: float, attempts: int, terms: float) -> float:
        p = self.params
        r = self.equity / before - 1
        drawdown = (self.peak - self.equity) / self.peak
        reward = 100 * r
        if p.use_drawdown_penalty and drawdown > 0.15:
            reward -= drawdown * p.drawdown_penalty_factor
        if attempts > 2:
            reward -= p.penalty_overtrading * attempts
        if r > 0.01:
            reward += 0.3
        if self.total_trades > 10 and self.wins / self.total_trades > 0.6:
            reward += 0.2
        if p.trade_terms_in_reward:
            reward += terms
        return min(max(reward * p.reward_scaling, -10.0), 10.0)
