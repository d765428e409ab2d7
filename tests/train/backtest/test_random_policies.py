"""Random policies that are invested and trade like another one."""

import numpy as np
import pytest
from random_trader import trade_at_random

from envs import Market, V6Params, Window
from train.backtest.evaluation import Evaluation, evaluate
from train.backtest.holding import flat
from train.backtest.random_policies import POLICIES, RandomPolicies, random_policies

WINDOW = Window(100, 420)
PARAMS = V6Params.default()


def trading(market: Market, chance: float, buys: float) -> Evaluation:
    random = np.random.default_rng(8)

    def act(observation: np.ndarray) -> np.ndarray:
        size = (1, market.num_assets)
        return np.where(random.random(size) < buys, 1, 2) * (random.random(size) < chance)

    return evaluate(act, market, PARAMS, WINDOW)


@pytest.mark.parametrize(("chance", "buys"), [(0.05, 0.3), (0.02, 0.8), (0.5, 0.5), (0.9, 0.9)])
def test_exposure_and_turnover_are_matched(market: Market, chance: float, buys: float) -> None:
    like = trading(market, chance, buys)

    found = random_policies(like, market, PARAMS, WINDOW)

    assert found.turnover == pytest.approx(like.turnover, rel=0.15)
    assert found.exposure == pytest.approx(like.exposure, rel=0.15)
    assert len(found.sharpe) == POLICIES


def test_a_random_policy_is_one_of_them(market: Market) -> None:
    like = trade_at_random(market, PARAMS, WINDOW)

    found = random_policies(like, market, PARAMS, WINDOW)

    assert 0.02 < found.quantile(like.sharpe_ratio) < 0.98


def test_who_knows_the_next_session_is_above_all_of_them(market: Market) -> None:
    bars = iter(range(WINDOW.start, WINDOW.last))

    def act(observation: np.ndarray) -> np.ndarray:
        bar = next(bars)
        ahead = market.close[min(bar + 8, 419)] / market.close[bar] - 1.0
        return np.where(ahead > 0.004, 1, np.where(ahead < 0.0, 2, 0))[None]

    knowing = evaluate(act, market, PARAMS, WINDOW)
    chance = random_policies(knowing, market, PARAMS, WINDOW).beside(knowing)

    assert chance.quantile == 1.0
    assert chance.sharpe < knowing.sharpe_ratio - 3.0


def test_random_trading_costs_what_its_turnover_costs(market: Market) -> None:
    # Positive control of the clock: returns of still prices are the costs alone.
    still = Market.from_arrays(
        close=np.full((420, 3), 100.0),
        open=np.full((420, 3), 100.0),
        session=market.session,
        features=market.features,
    )
    like = trading(still, 0.1, 0.5)

    found = random_policies(like, still, PARAMS, WINDOW)

    assert found.median < -5.0
    assert like.sharpe_ratio == pytest.approx(found.median, rel=0.5)


def test_the_same_seed_gives_the_same_policies(market: Market) -> None:
    like = trading(market, 0.1, 0.5)

    one, two, other = (random_policies(like, market, PARAMS, WINDOW, seed=s) for s in (3, 3, 4))

    np.testing.assert_array_equal(one.sharpe, two.sharpe)
    assert not np.array_equal(one.sharpe, other.sharpe)


def test_beside_one_that_never_trades_they_hardly_do(market: Market) -> None:
    found = random_policies(flat(market, PARAMS, WINDOW), market, PARAMS, WINDOW)

    assert found.turnover < 1.0
    assert found.exposure < 0.5


def test_ties_count_half() -> None:
    days = np.random.default_rng(0).normal(0.0, 0.01, 50)
    shifted = days[:, None] + np.array([0.0, 0.001, 0.001, 0.002])
    found = RandomPolicies(shifted, turnover=1.0, exposure=1.0)

    assert found.quantile(float(found.sharpe[1])) == pytest.approx(0.5)
    assert found.quantile(100.0) == 1.0
    assert found.quantile(-100.0) == 0.0
    assert found.median == pytest.approx(float(found.sharpe[1]))


def test_a_ruined_account_stays_closed() -> None:
    # given: prices that lose nine tenths at once, and then rise a hundredfold
    close = np.full((60, 1), 100.0)
    close[20:] = 30.0
    close[40:] = 1000.0
    market = Market.from_arrays(close=close, open=close, session=np.arange(60))
    params = V6Params.default(buy_pct=0.9, max_position_pct=0.9)
    like = evaluate(lambda _: np.ones((1, 1), np.int64), market, params, Window(0, 60))

    found = random_policies(like, market, params, Window(0, 60))

    assert like.ruined
    assert np.quantile(found.sharpe, 0.4) < 0.0
