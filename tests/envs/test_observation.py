from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import TradingVectorEnv, V6Params
from envs.observation import account_tail, compact_size, full_size, lay_out
from expansion import expand


def test_the_tail_is_shares_cash_return_and_drawdown() -> None:
    tail = account_tail([20_000.0, 0.0], 60_000.0, 80_000.0, 100_000.0, 100_000.0)
    assert tail.dtype == np.float32
    np.testing.assert_allclose(tail, [0.25, 0.0, 0.75, -0.2, 0.2], rtol=1e-7)


def test_the_tail_is_clipped() -> None:
    tail = account_tail([[3e6], [-1.0]], [3e6, -2.0], [1e6, 1e6], [1e6, 1e6], 1e5)
    np.testing.assert_array_equal(tail, np.array([[1, 1, 5, 0], [0, 0, 5, 0]], np.float32))


def test_sizes_and_layout() -> None:
    features = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    tail = account_tail(np.zeros((2, 3)), [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], 1.0)
    rows = lay_out(features, tail)
    assert rows.shape == (2, full_size(3, 4)) == (2, 18)
    np.testing.assert_array_equal(rows[0, :12], np.arange(12))
    np.testing.assert_array_equal(rows[:, 12:], [[0, 0, 0, 1, 0, 0]] * 2)
    compact = np.concatenate([np.array([[1.0], [0.0]], np.float32), tail], axis=1)
    assert compact.shape[1] == compact_size(3)
    np.testing.assert_array_equal(expand(features.reshape(2, 12), compact), rows[::-1])


def test_a_single_observation_has_no_batch_axis() -> None:
    tail = account_tail([5.0], 5.0, 10.0, 10.0, 10.0)
    assert lay_out(np.zeros((1, 2)), tail).tolist() == [0.0, 0.0, 0.5, 0.5, 0.0, 0.0]


@given(seed=st.integers(0, 10_000), preset=st.sampled_from([V6Params.default, V6Params.reference]))
@settings(max_examples=20, deadline=None)
def test_the_kernel_writes_the_same_layout_to_the_last_bit(
    make_market: Any, seed: int, preset: Any
) -> None:
    market = make_market(bars=40, seed=seed)
    env = TradingVectorEnv(market, preset(), num_envs=3, observation="full")
    env.reset(seed=seed)
    random = np.random.default_rng(seed)
    for _ in range(15):
        observation = env.step(random.integers(0, 3, (3, 3)))[0]
        state = env.batch.state
        values = state.shares * market.close[state.bar]
        tail = account_tail(values, state.cash, state.equity, state.peak, 1e5)
        np.testing.assert_array_equal(observation, lay_out(market.features[state.bar], tail))
