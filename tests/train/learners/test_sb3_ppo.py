"""`TablePPO`'s rollouts beside those of the library's own PPO."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from torch import Tensor

from envs import Market, Window
from envs.adapters.sb3 import SB3VectorEnv
from train.learners.sb3_policy import TablePolicy
from train.learners.sb3_ppo import TablePPO
from train.learners.spec import LearnerSpec

NUM_ENVS, STEPS = 16, 32


@pytest.fixture
def make_model(
    random_market: Market, small: Callable[..., Any], make_spec: Callable[..., LearnerSpec]
) -> Callable[..., PPO]:
    """Makes a PPO whose episodes are all truncated after `max_steps`, all at once."""

    def make(kind: type[PPO], max_steps: int = 10, seed: int = 5) -> PPO:
        config = small(target_kl=None)
        spec = make_spec(random_market, config)
        params = config.v6_params().from_dict(
            config.v6_params().to_dict() | {"max_steps": max_steps}
        )
        env = SB3VectorEnv(random_market, params, NUM_ENVS, window=Window(0, 1000), seed=seed)
        arguments = config.get_ppo_kwargs() | {
            "policy_kwargs": {
                "market": spec.market,
                "fingerprint": spec.fingerprint,
                "shape": spec.network_shape(random_market),
            }
        }
        model = kind(TablePolicy, env, seed=seed, device="cpu", **arguments)
        model._setup_learn(NUM_ENVS * STEPS)
        return model

    return make


def collect(model: PPO) -> Any:
    """One rollout; its buffer."""
    callback = CallbackList([])
    callback.init_callback(model)
    torch.manual_seed(11)
    assert model.collect_rollouts(model.env, callback, model.rollout_buffer, STEPS)
    return model.rollout_buffer


def flat(column: np.ndarray) -> np.ndarray:
    """(N, B, ...) -> (N * B, ...)"""
    return column.reshape(-1, *column.shape[2:])


def test_a_rollout_is_the_librarys_own(make_model: Callable[..., PPO]) -> None:
    theirs, ours = collect(make_model(PPO)), collect(make_model(TablePPO)).samples

    np.testing.assert_array_equal(ours.observations.numpy(), flat(theirs.observations))
    np.testing.assert_array_equal(ours.actions.numpy(), flat(theirs.actions))
    for found, wanted in (
        (ours.old_values, theirs.values),
        (ours.old_log_prob, theirs.log_probs),
        (ours.advantages, theirs.advantages),
        (ours.returns, theirs.returns),
    ):
        np.testing.assert_allclose(found.numpy(), flat(wanted), rtol=1e-4, atol=1e-5)


def test_values_are_asked_for_once_however_many_episodes_end(
    make_model: Callable[..., PPO],
) -> None:
    asked: list[int] = []

    class Counting(TablePolicy):
        def predict_values(self, obs: Any) -> Tensor:
            asked.append(len(obs))
            return super().predict_values(obs)

    model = make_model(TablePPO)
    model.policy.__class__ = Counting

    collect(model)

    ends = len(model.ep_info_buffer)
    assert ends >= 3 * NUM_ENVS  # 32 steps, episodes of 10 and shorter ones at the window's end
    assert asked == [(STEPS + 1) * NUM_ENVS + ends]


def test_each_row_is_in_one_minibatch_of_an_epoch(make_model: Callable[..., PPO]) -> None:
    buffer = collect(make_model(TablePPO))
    rows = buffer.samples.observations

    batches = list(buffer.get(100))

    assert [len(batch.returns) for batch in batches] == [100] * 5 + [12]
    seen = torch.cat([batch.observations for batch in batches])
    assert not torch.equal(seen, rows)
    assert torch.equal(seen[:, 0].sort().values, rows[:, 0].sort().values)
    assert buffer.minibatches == 6


def test_a_callback_can_end_the_training(make_model: Callable[..., PPO]) -> None:
    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            return self.num_timesteps < 5 * NUM_ENVS

    model = make_model(TablePPO)

    model.learn(10_000, callback=Stop())

    assert model.num_timesteps == 5 * NUM_ENVS


def test_episodes_that_ended_are_counted(make_model: Callable[..., PPO]) -> None:
    model = make_model(TablePPO)

    collect(model)

    lengths = [info["l"] for info in model.ep_info_buffer]
    assert lengths.count(10) >= 3 * NUM_ENVS - 1
    assert max(lengths) == 10
