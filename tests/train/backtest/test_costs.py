"""Doubled costs cost twice as much a traded dollar."""

import numpy as np
import pytest
from random_trader import trade_at_random

from envs import Market, V6Params, Window
from train.backtest.costs import with_costs
from train.backtest.evaluation import Evaluation
from train.backtest.holding import equal_weight


def share_paid(walk: Evaluation) -> float:
    return float(walk.costs.sum() / walk.traded.sum())


@pytest.mark.parametrize("model", ["none", "realistic"])
@pytest.mark.parametrize("factor", [2.0, 5.0])
def test_a_traded_dollar_costs_so_many_times_as_much(
    market: Market, model: str, factor: float
) -> None:
    params = V6Params.default(slippage_model=model)

    once = trade_at_random(market, params, Window(0, 420))
    dear = trade_at_random(market, with_costs(params, factor), Window(0, 420))

    assert share_paid(dear) / share_paid(once) == pytest.approx(factor, rel=0.02)


def test_baselines_pay_them_too(market: Market) -> None:
    params = V6Params.default()

    once = equal_weight(market, params, Window(0, 420))
    dear = equal_weight(market, with_costs(params, 2.0), Window(0, 420))

    assert np.sum(dear.costs) > 1.5 * np.sum(once.costs)


def test_once_is_unchanged() -> None:
    params = V6Params.default(commission=1.0)

    assert with_costs(params, 1.0) == params


def test_every_number_is_multiplied() -> None:
    params = V6Params.default(commission=1.0, spread_bps=2.0)

    dear = with_costs(params, 2.0)

    assert dear.commission == 2.0
    assert dear.spread_bps == 4.0 + 5.5
    assert dear.sec_fee == 2 * params.sec_fee
    assert dear.finra_taf == 2 * params.finra_taf
    assert dear.market_impact_factor == 2 * params.market_impact_factor
