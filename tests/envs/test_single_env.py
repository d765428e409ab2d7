import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from cluster.errors import UsageError
from envs import TradingEnv, TradingVectorEnv, V6Params


@pytest.mark.parametrize("observation", ["full", "compact"])
def test_both_checkers_pass(make_market: Any, observation: Any) -> None:
    env = TradingEnv(make_market(bars=60), observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(not symmetric|render_mode|normalized).*")
        gymnasium_check(env, skip_render_check=True)
    sb3_check(env, warn=True, skip_render_check=True)


def test_it_equals_environment_0_of_a_batch(make_market: Any) -> None:
    market = make_market(bars=60)
    single = TradingEnv(market, V6Params.default())
    many = TradingVectorEnv(market, V6Params.default(), num_envs=3, observation="full")
    a, infos = single.reset(seed=9, options={"start": 8})
    b, _ = many.reset(seed=9, options={"start": 8})
    assert infos["equity"] == 1e5
    assert single.rules_seed == many.rules_seed == 9
    random = np.random.default_rng(0)
    for _ in range(20):
        np.testing.assert_array_equal(a, b[0])
        actions = random.integers(0, 3, (3, 3))
        a, reward, terminated, truncated, infos = single.step(actions[0])
        b, rewards, _, _, many_infos = many.step(actions)
        assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
        assert reward == rewards[0]
        assert infos == {name: values[0] for name, values in many_infos.items()}


def test_a_finished_episode_asks_for_a_reset(make_market: Any) -> None:
    env = TradingEnv(make_market(bars=60), V6Params.default(max_steps=2))
    with pytest.raises(ResetNeeded):
        env.step(np.zeros(3, np.int64))
    env.reset(seed=0, options={"start": 3})
    assert env.step(np.zeros(3, np.int64))[3] is False
    assert env.step(np.zeros(3, np.int64))[3] is True
    with pytest.raises(ResetNeeded):
        env.step(np.zeros(3, np.int64))
    env.reset()
    with pytest.raises(UsageError, match="actions are"):
        env.step(np.zeros(2, np.int64))
