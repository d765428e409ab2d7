"""The batched path over several processes."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.evaluation.postprocessing import Postprocessing

from cluster.errors import ConfigError
from envs import Market
from train.learners.factory import check_learner
from train.learners.rllib_learner import RLlibLearner, ppo_config
from train.learners.rllib_ppo import _joined
from train.learners.spec import LearnerSpec
from train.market.curriculum import start_weights
from train.scenarios.scenario import PloutosConfig

MakeSpec = Callable[..., LearnerSpec]


@pytest.fixture
def with_workers(small: Callable[..., Any]) -> Callable[..., PloutosConfig]:
    """Makes a scenario of RLlib with runners and learners of their own."""

    def make(**workers: int) -> PloutosConfig:
        values = small("rllib").model_dump(mode="json") | {"workers": workers}
        return PloutosConfig.model_validate(values)

    return make


class TestSettings:
    def test_the_environments_are_split_among_the_runners(
        self, random_market: Market, with_workers: Any, make_spec: MakeSpec
    ) -> None:
        config = ppo_config(
            make_spec(random_market, with_workers(env_runners=2)), stock_runner=False
        )

        assert (config.num_env_runners, config.num_envs_per_env_runner) == (2, 8)
        assert config.train_batch_size_per_learner == 16 * 32

    def test_the_batch_is_split_among_the_learners(
        self, random_market: Market, with_workers: Any, make_spec: MakeSpec
    ) -> None:
        spec = make_spec(random_market, with_workers(learners=2))

        config = ppo_config(spec, stock_runner=False)

        assert config.train_batch_size_per_learner * 2 == 16 * 32
        assert config.minibatch_size * 2 == 128

    def test_environments_that_cannot_be_split_are_refused(self, small: Any) -> None:
        values = small("rllib").model_dump(mode="json") | {"workers": {"env_runners": 3}}

        with pytest.raises(ConfigError, match="cannot be split among 3"):
            PloutosConfig.from_json(json.dumps(values))

    def test_stable_baselines3_has_no_workers(self, small: Any) -> None:
        values = small("sb3").model_dump(mode="json") | {"workers": {"learners": 2}}

        with pytest.raises(ConfigError, match="one process"):
            check_learner(PloutosConfig.from_json(json.dumps(values)))


def test_advantages_are_standardised_over_all_runners() -> None:
    parts = [{Postprocessing.ADVANTAGES: np.array(values)} for values in ([1.0, 2.0], [6.0])]

    joined = _joined(parts)[Postprocessing.ADVANTAGES]

    np.testing.assert_allclose(joined, (np.array([1.0, 2.0, 6.0]) - 3) / np.std([1.0, 2.0, 6.0]))


def pids(group: Any) -> list[int]:
    """Processes of the healthy runners."""
    found: list[int] = group.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
class TestWithRay:
    def test_remote_runners_sample_and_a_checkpoint_is_continued_without_them(
        self, random_market: Market, with_workers: Any, make_spec: MakeSpec, tmp_path: Path
    ) -> None:
        remote = RLlibLearner(make_spec(random_market, with_workers(env_runners=2)))
        before = remote.actor().state_dict()

        remote.train(1024)

        assert 1024 <= remote.num_timesteps < 1024 + 4 * 16
        assert not all(
            torch.equal(a, b)
            for a, b in zip(before.values(), remote.actor().state_dict().values(), strict=True)
        )
        runners = remote._algorithm.env_runner_group
        learned = remote._algorithm.get_module().net.state_dict()
        for weights in runners.foreach_env_runner(
            lambda runner: runner.module.net.state_dict(), local_env_runner=False
        ):
            assert all(torch.equal(weights[name], learned[name]) for name in learned)
        remote.save(tmp_path / "checkpoint")
        remote.close()
        local = RLlibLearner(make_spec(random_market, with_workers()))
        local.load(tmp_path / "checkpoint")
        assert all(
            torch.equal(weight, learned[name])
            for name, weight in local._algorithm.get_module().net.state_dict().items()
        )
        local.close()

    def test_two_learners_stay_together(
        self, random_market: Market, with_workers: Any, make_spec: MakeSpec
    ) -> None:
        learner = RLlibLearner(make_spec(random_market, with_workers(learners=2)))

        metrics = learner.train(512)

        assert learner.num_timesteps >= 512
        assert metrics["entropy"] == pytest.approx(3 * 1.0986, rel=0.05)
        first, second = (
            result.get()
            for result in learner._algorithm.learner_group.foreach_learner(
                lambda worker: {
                    name: weight.detach().numpy().copy()
                    for name, weight in worker.module[DEFAULT_MODULE_ID].named_parameters()
                }
            )
        )
        assert first.keys() == second.keys()
        for name, weight in first.items():
            np.testing.assert_allclose(weight, second[name], atol=1e-7)
        learner.close()

    @pytest.mark.chaos
    @pytest.mark.parametrize("runners", [1, 2])
    def test_a_killed_runner_is_replaced_and_starts_where_the_others_do(
        self, random_market: Market, with_workers: Any, make_spec: MakeSpec, runners: int
    ) -> None:
        # given: a curriculum that stays in its first phase, and one runner that dies
        values = with_workers(env_runners=runners).model_dump(mode="json")
        values["curriculum"] = {"phases": [{"starts": "easy", "share": 1.0}]}
        learner = RLlibLearner(make_spec(random_market, PloutosConfig.model_validate(values)))
        learner.train(512)
        group = learner._algorithm.env_runner_group
        before = pids(group)
        os.kill(before[0], signal.SIGKILL)

        # when: as long as it takes until its successor samples, too
        while before[0] in pids(group) or len(pids(group)) < runners:
            goal = learner.num_timesteps + 512
            learner.train(512)
            assert goal <= learner.num_timesteps < goal + 512 + 64

        # then
        easy = start_weights(random_market, "easy")
        assert easy is not None
        for starts in group.foreach_env_runner(
            lambda runner: (
                runner.env.unwrapped.batch.state.bar - runner.env.unwrapped.batch.state.steps
            ),
            local_env_runner=False,
        ):
            assert (easy[starts] > 0).all()
        learner.close()
