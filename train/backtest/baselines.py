"""What anyone could have done without a policy, under the same costs and the same fills.

A baseline decides at the bars that a policy decides at, fills at the price that a policy fills at
and pays through the same functions of `envs.rules`; see `train.backtest.account`. One line of
`BASELINES` registers it: verdicts compare with it, the gate asks for it, reports and charts show
it (docs/how-to/baseline.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from envs import Market, V6Params, Window
from train.backtest.constant_policy import always_buy
from train.backtest.evaluation import Evaluation
from train.backtest.holding import buy_and_hold, equal_weight, flat
from train.backtest.momentum import momentum
from train.backtest.volatility_target import volatility_target


class BaselineWalk(Protocol):
    """Walks through a window; its last bar only marks the account."""

    def __call__(
        self, market: Market, params: V6Params, window: Window, *, seed: int = 0
    ) -> Evaluation:
        """Walk with the slippage draws of `seed`; the path's `kind` is that of the registration."""


@dataclass(frozen=True)
class Baseline:
    """One baseline, and what is special about it."""

    walk: BaselineWalk
    required: bool = False  # no verdict without it; the gate asks for all, required or not
    holds_market: bool = False  # a policy that only moves like it is it in disguise
    by_fold: bool = False  # stands beside each fold of a walk, too


BASELINES = {  # by kind, in the order of tables and charts
    "flat": Baseline(flat, required=True),
    "buy_and_hold": Baseline(buy_and_hold, required=True, holds_market=True, by_fold=True),
    "equal_weight": Baseline(equal_weight, required=True, holds_market=True, by_fold=True),
    "momentum": Baseline(momentum),
    "volatility_target": Baseline(volatility_target),
    "always_buy": Baseline(always_buy, holds_market=True),
}


def baselines(
    market: Market, params: V6Params, window: Window, *, seed: int = 0
) -> list[Evaluation]:
    """All that are registered; HOLD or SELL at every bar is the same as `flat`."""
    return [one.walk(market, params, window, seed=seed) for one in BASELINES.values()]


def names_by_fold(walks: Sequence[Evaluation]) -> list[str]:
    """Names of those baselines among `walks` that are shown fold by fold."""
    return [row.name for row in walks if row.kind in BASELINES and BASELINES[row.kind].by_fold]
