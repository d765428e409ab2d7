from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO

from cluster.errors import UsageError
from envs import TradingVectorEnv, V6Params, Window
from envs.adapters.sb3 import SB3VectorEnv


def step(env: SB3VectorEnv, actions: Any) -> Any:
    env.step_async(actions)
    return env.step_wait()


def test_the_ending_step_returns_the_next_episodes_first_observation(make_market: Any) -> None:
    # given an environment that resets at once, and one that resets a step later
    market, params = make_market(bars=40), V6Params.default(max_steps=4)
    same = SB3VectorEnv(market, params, 3, seed=11)
    later = TradingVectorEnv(market, params, num_envs=3)
    first = same.reset()
    later.reset(seed=11)
    later.batch.begin(np.arange(3), first[:, 0].astype(int))
    random = np.random.default_rng(0)
    # when both take the same actions until all have ended
    ended = np.zeros(3, bool)
    for _ in range(4):
        actions = random.integers(0, 3, (3, 3))
        observation, reward, done, infos = step(same, actions)
        expected, rewards, terminated, truncated, _ = later.step(actions)
        # then rewards and ends agree, and the true last observation is in the info
        alive = ~ended
        np.testing.assert_array_equal(reward[alive], rewards[alive].astype(np.float32))
        np.testing.assert_array_equal(done[alive], (terminated | truncated)[alive])
        for row in np.flatnonzero(done & alive):
            np.testing.assert_array_equal(infos[row]["terminal_observation"], expected[row])
            assert infos[row]["TimeLimit.truncated"] == (truncated & ~terminated)[row]
            np.testing.assert_array_equal(observation[row, 1:], [0, 0, 0, 1, 0, 0])
        ended |= done
    assert ended.all()


def test_an_info_sums_up_the_episode(make_market: Any) -> None:
    env = SB3VectorEnv(make_market(bars=40), V6Params.default(max_steps=5), 2, window=Window(0, 31))
    env.reset()
    env.batch.begin(np.arange(2), 0)
    total = np.zeros(2)
    for _ in range(5):
        _, reward, done, infos = step(env, np.ones((2, 3), int))
        total += reward
    assert done.all()
    assert infos[1]["episode"]["r"] == pytest.approx(total[1], rel=1e-6)
    assert infos[1]["episode"]["l"] == 5
    assert infos[1]["episode"]["trades"] > 0
    assert infos[1]["TimeLimit.truncated"] is True
    # and the next episode's sum starts from nothing
    env.batch.begin(np.arange(2), 0)
    again = [step(env, np.zeros((2, 3), int)) for _ in range(5)][-1]
    assert again[3][1]["episode"]["r"] == 0.0
    assert again[3][1]["episode"]["equity"] == 1e5


def test_nobody_ending_costs_no_infos(make_market: Any) -> None:
    env = SB3VectorEnv(make_market(bars=60), V6Params.default(), 4, window=Window(0, 60))
    env.reset()
    env.batch.begin(np.arange(4), 0)
    infos = [step(env, np.zeros((4, 3), int))[3] for _ in range(3)]
    assert infos[0] is infos[2]
    assert infos[0] == [{}] * 4


def test_a_seed_fixes_the_starts(make_market: Any) -> None:
    market = make_market()
    a, b, c = (SB3VectorEnv(market, V6Params.default(), 8, seed=seed).reset() for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_ppo_learns_on_it(make_market: Any) -> None:
    market = make_market(bars=60)
    env = SB3VectorEnv(market, V6Params.default(max_steps=6), 4, observation="full")
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=32, n_epochs=1, device="cpu", seed=0)
    model.learn(128)
    assert model.num_timesteps == 128
    assert model.ep_info_buffer is not None
    assert max(info["l"] for info in model.ep_info_buffer) == 6
    actions, _ = model.predict(env.reset(), deterministic=True)
    assert actions.shape == (4, 3)


def test_environments_of_a_batch_are_no_objects(make_market: Any) -> None:
    env = SB3VectorEnv(make_market(), V6Params.default(), 3)
    assert env.get_attr("render_mode") == [None] * 3
    assert env.get_attr("num_envs", indices=[0, 2]) == [3, 3]
    assert env.env_is_wrapped(object) == [False] * 3
    with pytest.raises(UsageError, match="cannot set"):
        env.set_attr("cash", 1.0)
    with pytest.raises(UsageError, match="cannot call"):
        env.env_method("reset")
    with pytest.raises(AttributeError):
        env.get_attr("nothing")
    env.close()
