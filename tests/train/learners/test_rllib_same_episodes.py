"""The batched runner beside RLlib's own: one seed, the same weights, so the same episodes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

from envs import Market
from train.learners.rllib_learner import ppo_config
from train.learners.rllib_runner import BatchedEnvRunner
from train.learners.spec import LearnerSpec

NUM_ENVS, STEPS = 16, 32
pytestmark = pytest.mark.filterwarnings("ignore:.*already in registry:UserWarning")


@pytest.fixture
def spec(
    random_market: Market,
    small: Callable[..., Any],
    make_spec: Callable[..., LearnerSpec],
    request: pytest.FixtureRequest,
) -> LearnerSpec:
    """Episodes of at most 11 steps, so that a rollout holds several of every environment."""
    values = small("rllib").model_dump(mode="json")
    values["environment"] |= {"max_steps": 11}
    return make_spec(random_market, type(small("rllib")).model_validate(values), seed=3)


@pytest.fixture
def stock(spec: LearnerSpec) -> Iterator[SingleAgentEnvRunner]:
    runner = SingleAgentEnvRunner(config=ppo_config(spec, stock_runner=True))
    yield runner
    runner.stop()
    torch.use_deterministic_algorithms(False)  # RLlib's seeding leaves it on


@pytest.fixture
def batched(spec: LearnerSpec, stock: SingleAgentEnvRunner) -> Iterator[BatchedEnvRunner]:
    """With the weights of the stock one."""
    runner = BatchedEnvRunner(config=ppo_config(spec, stock_runner=False))
    runner.set_state(stock.get_state(components="rl_module"))
    yield runner
    runner.stop()


def stock_rows(runner: SingleAgentEnvRunner, spec: LearnerSpec) -> dict[str, np.ndarray]:
    """A rollout's training rows as RLlib's learner connectors make them."""
    torch.manual_seed(7)
    episodes = runner.sample(num_timesteps=NUM_ENVS * STEPS)
    config = ppo_config(spec, stock_runner=True)
    learner = config.build_learner(spaces=runner.get_spaces())
    learner.module[DEFAULT_MODULE_ID].load_state_dict(runner.module.state_dict())
    batch = learner._learner_connector(
        rl_module=learner.module,
        batch={},
        episodes=episodes,
        shared_data={},
        metrics=MetricsLogger(root=True),
    )[DEFAULT_MODULE_ID]
    kept = batch[Columns.LOSS_MASK].numpy()
    return {name: np.asarray(column)[kept] for name, column in batch.items() if name != "infos"}


def batched_rows(runner: BatchedEnvRunner) -> dict[str, np.ndarray]:
    torch.manual_seed(7)
    return dict(runner.sample(num_timesteps=NUM_ENVS * STEPS))


def in_order(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Indices that sort rows by what was seen, done and gained."""
    targets = rows[Postprocessing.VALUE_TARGETS].round(3)[:, None]
    keys = np.concatenate([rows[Columns.OBS], rows[Columns.ACTIONS], targets], axis=1)
    return np.lexsort(keys.T[::-1])


def test_the_same_rows_the_same_returns_and_the_same_advantages(
    stock: SingleAgentEnvRunner, batched: BatchedEnvRunner, spec: LearnerSpec
) -> None:
    theirs, ours = stock_rows(stock, spec), batched_rows(batched)

    assert len(ours[Columns.OBS]) == len(theirs[Columns.OBS]) >= NUM_ENVS * STEPS
    theirs_order, ours_order = in_order(theirs), in_order(ours)
    for name in (Columns.OBS, Columns.ACTIONS):
        np.testing.assert_array_equal(ours[name][ours_order], theirs[name][theirs_order])
    for name in (Columns.ACTION_LOGP, Postprocessing.VALUE_TARGETS):
        np.testing.assert_allclose(
            ours[name][ours_order], theirs[name][theirs_order], rtol=1e-4, atol=1e-5
        )
    found = ours[Postprocessing.ADVANTAGES][ours_order]  # RLlib's are standardised already
    wanted = theirs[Postprocessing.ADVANTAGES][theirs_order]
    assert np.corrcoef(found, wanted)[0, 1] > 1 - 1e-6


def test_no_row_is_a_reset(batched: BatchedEnvRunner) -> None:
    """Every episode has 11 steps: a reset would be a twelfth, with the next one's first bar."""
    rows = batched_rows(batched)
    again = batched_rows(batched)

    finished = batched.get_metrics()["episode_len_mean"]

    assert np.mean(finished.peek() if hasattr(finished, "peek") else finished) == 11
    assert len(rows[Columns.OBS]) - NUM_ENVS < NUM_ENVS * STEPS <= len(again[Columns.OBS])


def test_sampling_by_episodes_takes_rllibs_own_path(batched: BatchedEnvRunner) -> None:
    episodes = batched.sample(num_episodes=3, explore=False)

    assert len(episodes) >= 3
    assert {len(episode) for episode in episodes} == {11}


def test_seeding_leaves_torch_as_it_was(spec: LearnerSpec) -> None:
    runner = BatchedEnvRunner(config=ppo_config(spec, stock_runner=False), worker_index=2)

    assert not torch.are_deterministic_algorithms_enabled()
    assert runner._seed == spec.seed + 2
    runner.stop()
