import numpy as np
import pytest

from cluster.errors import UsageError
from envs import Market, TradingVectorEnv, V6Params, Window
from envs.adapters.sb3 import SB3VectorEnv

BARS, WINDOW = 60, Window(10, 50)


@pytest.fixture
def flat_market() -> Market:
    return Market.from_arrays(
        close=np.full((BARS, 2), 100.0),
        open=np.full((BARS, 2), 100.0),
        features=np.zeros((BARS, 2, 1), np.float32),
    )


def params(**changes: object) -> V6Params:
    return V6Params.default(slippage_model="none", max_steps=5, **changes)


def test_starts_follow_the_weights(flat_market: Market) -> None:
    weights = np.zeros(BARS)
    weights[[12, 30, 55]] = 1.0, 3.0, 9.0  # the last one lies outside the window

    env = TradingVectorEnv(
        flat_market, params(), num_envs=40_000, window=WINDOW, start_weights=weights
    )
    observation, _ = env.reset(seed=0)

    bars, counts = np.unique(observation[:, 0], return_counts=True)
    np.testing.assert_array_equal(bars, [12, 30])
    np.testing.assert_allclose(counts / 40_000, [0.25, 0.75], atol=0.01)


def test_later_episodes_follow_them_too(flat_market: Market) -> None:
    weights = np.zeros(BARS)
    weights[20] = 1.0
    env = SB3VectorEnv(flat_market, params(), 4, window=WINDOW, start_weights=weights)
    env.reset()

    for _ in range(5):
        observation, _, done, _ = env.step(np.zeros((4, 2), np.int64))

    assert done.all()
    np.testing.assert_array_equal(observation[:, 0], 20)


def test_equal_weights_cover_the_window_and_nothing_else(flat_market: Market) -> None:
    env = TradingVectorEnv(
        flat_market, params(), num_envs=5_000, window=WINDOW, start_weights=np.ones(BARS)
    )

    observation, _ = env.reset(seed=1)

    np.testing.assert_array_equal(np.unique(observation[:, 0]), np.arange(10, 49))


def test_without_weights_the_draws_are_those_there_were_before(flat_market: Market) -> None:
    plain, cleared = (
        TradingVectorEnv(flat_market, params(), num_envs=100, window=WINDOW) for _ in range(2)
    )
    cleared.batch.weigh_starts(np.ones(BARS))
    cleared.batch.weigh_starts(None)

    first, again = plain.reset(seed=7)[0], cleared.reset(seed=7)[0]

    np.testing.assert_array_equal(first, again)
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(7))).integers(10, 49, 100)
    np.testing.assert_array_equal(first[:, 0], expected)


@pytest.mark.parametrize(
    "weights",
    [
        np.ones(BARS - 1),
        np.full(BARS, -1.0),
        np.full(BARS, np.nan),
        np.zeros(BARS),
        np.eye(1, BARS, 49)[0],  # the window's last bar is no start
    ],
)
def test_wrong_weights_are_refused(flat_market: Market, weights: np.ndarray) -> None:
    env = TradingVectorEnv(flat_market, params(), num_envs=2, window=WINDOW)

    with pytest.raises(UsageError, match="weights of the starts"):
        env.batch.weigh_starts(weights)


def test_a_preset_with_one_start_takes_no_weights(flat_market: Market) -> None:
    with pytest.raises(UsageError, match="always starts at the first bar"):
        TradingVectorEnv(
            flat_market, params(random_start=False), window=WINDOW, start_weights=np.ones(BARS)
        )
