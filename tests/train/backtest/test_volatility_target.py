"""The volatility target: invested in inverse proportion to what the last month shook."""

import numpy as np
import pytest

from envs import Market, V6Params, Window
from train.backtest.holding import equal_weight
from train.backtest.volatility_target import MEMORY, TARGET, volatility_target

FREE = {"slippage_model": "none", "spread_bps": 0.0, "sec_fee": 0.0, "finra_taf": 0.0}


def shaking(by: float, days: int = 90) -> Market:
    """Two assets that go up and down together by a share each day."""
    close = 100.0 * np.exp(by * (np.arange(days) % 2))
    return Market.from_arrays(
        close=np.column_stack([close, close]),
        open=np.column_stack([close, close]),
        session=np.arange(days),
    )


def test_a_wild_market_is_held_in_part() -> None:
    walked = volatility_target(shaking(0.02), V6Params.reference(**FREE), Window(40, 61))

    # 21 returns of +-0.02, eleven of one sign and ten of the other
    deviation = np.std([0.02] * 11 + [-0.02] * 10, ddof=1) * 252**0.5
    assert walked.invested[0] / 1e5 == pytest.approx(TARGET / deviation, rel=1e-6)
    assert walked.exposure < 0.5


def test_a_calm_market_is_held_whole_and_never_more() -> None:
    params = V6Params.reference(**FREE)

    walked = volatility_target(shaking(0.002), params, Window(40, 61))

    np.testing.assert_allclose(
        walked.equity, equal_weight(shaking(0.002), params, Window(40, 61)).equity, rtol=1e-9
    )


def test_a_still_market_or_a_short_history_is_held_whole() -> None:
    params = V6Params.reference(**FREE)

    still = volatility_target(shaking(0.0), params, Window(40, 61))
    short = volatility_target(shaking(0.05), params, Window(MEMORY, 41))
    enough = volatility_target(shaking(0.05), params, Window(MEMORY + 1, 41))

    assert still.exposure == pytest.approx(1.0, rel=1e-6)
    assert short.invested[0] == pytest.approx(1e5, rel=1e-6)
    assert enough.invested[0] < 0.2e5


def test_its_volatility_comes_near_the_target() -> None:
    # given: two years that turn from 8 % to 40 % a year
    random = np.random.default_rng(4)
    daily = np.concatenate([np.full(252, 0.005), np.full(252, 0.025)])
    close = 100.0 * np.exp(np.cumsum(daily * random.normal(size=504)))
    market = Market.from_arrays(close=close[:, None], open=close[:, None], session=np.arange(504))
    params, wild = V6Params.reference(**FREE), Window(300, 504)

    managed, plain = (make(market, params, wild) for make in (volatility_target, equal_weight))

    assert plain.performance.volatility > 0.35
    assert managed.performance.volatility == pytest.approx(TARGET, rel=0.25)
