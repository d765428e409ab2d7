"""The kernel against the scalar V6 of the contract, on random markets, parameters and actions."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Window
from envs.batch import EnvironmentBatch
from envs.params import V6Params
from envs.slippage.draws import DrawKey, fold_seed, uniform

ENVIRONMENTS = 3
MODELS = ["none", "realistic", "impact"]

overrides = st.fixed_dictionaries(
    {
        "slippage_model": st.sampled_from(MODELS),
        "buy_pct": st.floats(0.0, 0.95),
        "max_position_pct": st.floats(0.0, 1.0),
        "max_trades_per_day": st.integers(0, 12),
        "min_holding_period": st.integers(0, 5),
        "commission": st.sampled_from([0.0, 1.0, 250.0]),
        "initial_balance": st.sampled_from([500.0, 1e5, 1e8]),
        "reward_scaling": st.sampled_from([0.0, 1.0, 1.5, 40.0]),
        "use_drawdown_penalty": st.booleans(),
        "trade_terms_in_reward": st.booleans(),
        "average_cost": st.booleans(),
        "max_steps": st.sampled_from([5, 45, 2500]),
        "spread_bps": st.floats(0.0, 50.0),
    }
)


@settings(max_examples=40, deadline=None)
@given(
    preset=st.sampled_from([V6Params.default, V6Params.reference]),
    changes=overrides,
    seed=st.integers(0, 2**32),
    volatile=st.booleans(),
)
def test_the_kernel_equals_the_scalar_v6(
    make_market: Any, scalar_v6: ModuleType, preset: Any, changes: Any, seed: int, volatile: bool
) -> None:
    market = make_market(bars=50, assets=4, seed=seed, volatility_of_bars=0.2 if volatile else 0.02)
    _compare(scalar_v6, market, preset(**changes), seed)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("preset", [V6Params.default, V6Params.reference])
def test_the_kernel_equals_the_scalar_v6_when_much_is_traded(
    make_market: Any, scalar_v6: ModuleType, preset: Any, model: str
) -> None:
    params = preset(slippage_model=model, min_holding_period=1)
    batch = _compare(scalar_v6, make_market(bars=50, assets=4, seed=8), params, seed=3)
    assert batch.state.total_trades.min() > 30
    assert batch.state.wins.min() > 0


@settings(max_examples=40, deadline=None)
@given(changes=overrides, seed=st.integers(0, 2**32))
def test_the_kernel_equals_the_scalar_v6_where_slots_change_names(
    make_slot_market: Any, scalar_v6: ModuleType, changes: Any, seed: int
) -> None:
    market = make_slot_market(bars=50, assets=4, seed=seed)
    _compare(scalar_v6, market, V6Params.default(**changes), seed)


def _compare(scalar_v6: ModuleType, market: Any, params: V6Params, seed: int) -> EnvironmentBatch:
    """Step three environments and their oracles, which must agree at every step."""
    batch = EnvironmentBatch(market, params, ENVIRONMENTS, window=Window(1, 48))
    batch.seed_slippage(seed)
    starts = np.array([1, 6, 20])
    batch.begin(np.arange(ENVIRONMENTS), starts)
    oracles = [_oracle(scalar_v6, market, params, seed, b) for b in range(ENVIRONMENTS)]
    for oracle, start in zip(oracles, starts, strict=True):
        oracle.reset(int(start))
    random = np.random.default_rng(seed)
    for _ in range(27):
        actions = random.integers(0, 3, (ENVIRONMENTS, 4))
        out = batch.step(actions)
        for b, oracle in enumerate(oracles):
            _assert_equal(batch, out, b, oracle, oracle.step(actions[b].tolist()))
    return batch


def _oracle(scalar_v6: ModuleType, market: Any, params: Any, seed: int, environment: int) -> Any:
    def draw(bar: int, asset: int) -> float:
        key = DrawKey(fold_seed(seed), environment, bar, asset)
        return 1e-4 + 9e-4 * uniform(key)

    return scalar_v6.ScalarV6(market, params, draw, last_bar=47)


def _assert_equal(batch: EnvironmentBatch, out: Any, b: int, oracle: Any, step: Any) -> None:
    state = batch.state
    ours = (state.equity[b], state.cash[b], state.peak[b])
    np.testing.assert_allclose(ours, (oracle.equity, oracle.cash, oracle.peak), rtol=1e-9)
    np.testing.assert_allclose(state.shares[b], oracle.shares, rtol=1e-9)
    np.testing.assert_allclose(state.entry_price[b], oracle.entry, rtol=1e-9)
    np.testing.assert_allclose(out.reward[b], step.reward, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(out.trade_terms[b], step.terms, atol=1e-12)
    counters = (state.trades_today[b], state.total_trades[b], state.wins[b], state.losses[b])
    assert counters == (oracle.trades_today, oracle.total_trades, oracle.wins, oracle.losses)
    assert state.last_trade[b].tolist() == oracle.last_trade
    assert (out.terminated[b], out.truncated[b]) == (step.terminated, step.truncated)
    assert state.bar[b] == oracle.t
    np.testing.assert_allclose(out.observation[b, 0], oracle.t)
    np.testing.assert_allclose(out.observation[b, 1:], oracle.tail(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("preset", [V6Params.default, V6Params.reference])
def test_an_environment_does_not_depend_on_its_neighbours(make_market: Any, preset: Any) -> None:
    market = make_market(bars=80)
    many = EnvironmentBatch(market, preset(slippage_model="none"), 5)
    one = EnvironmentBatch(market, preset(slippage_model="none"), 1)
    many.begin(np.arange(5), np.array([0, 9, 4, 4, 30]))
    one.begin(np.array([0]), np.array([4]))
    random = np.random.default_rng(1)
    for _ in range(40):
        actions = random.integers(0, 3, (5, 3))
        together, alone = many.step(actions), one.step(actions[3:4])
        assert together.reward[3] == alone.reward[0]
        assert many.state.equity[3] == one.state.equity[0]
