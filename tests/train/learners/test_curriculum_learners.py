"""Both learners follow a curriculum, and without one nothing is different."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from envs import Market
from train.learners.factory import create_learner
from train.learners.rllib_learner import RLlibLearner
from train.learners.sb3_learner import SB3Learner
from train.learners.spec import LearnerSpec
from train.market.curriculum import start_weights
from train.scenarios.scenario import PloutosConfig

MakeSpec = Callable[..., LearnerSpec]
Small = Callable[..., PloutosConfig]


def with_phases(config: PloutosConfig, *phases: tuple[str, float]) -> PloutosConfig:
    values = json.loads(config.to_json())
    values["curriculum"] = {
        "phases": [{"starts": starts, "share": share} for starts, share in phases]
    }
    return PloutosConfig.model_validate(values)


THREE = (("easy", 0.25), ("medium", 0.25), ("hard", 0.5))


def test_sb3_starts_where_the_phase_says(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    spec = make_spec(random_market, with_phases(small(max_grad_norm=0.5), *THREE))
    learner = SB3Learner(spec)
    easy = start_weights(random_market, "easy")
    assert easy is not None

    learner.train(512)

    state = learner._env.batch.state
    starts = state.bar - state.steps
    assert (easy[starts] > 0).all()
    assert learner.num_timesteps == 512


def test_sb3_changes_phases_by_the_steps_taken(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    spec = make_spec(random_market, with_phases(small(), *THREE))  # 2,048 steps in all
    learner = SB3Learner(spec)
    seen = []

    for _ in range(4):
        learner.train(512)
        seen.append(learner._stage.starts)

    assert seen == ["easy", "medium", "hard", "hard"]
    assert learner._env.batch._start_chances is None


def test_one_call_passes_through_every_phase(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    learner = SB3Learner(make_spec(random_market, with_phases(small(), *THREE)))

    learner.train(2048)

    assert (learner.num_timesteps, learner._stage.starts) == (2048, "hard")


def test_a_resumed_learner_is_in_the_phase_of_its_steps(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec(random_market, with_phases(small(), *THREE))
    first, second = SB3Learner(spec), SB3Learner(spec)
    first.train(512)
    first.save(tmp_path / "checkpoint")

    second.load(tmp_path / "checkpoint")
    second.train(512)

    assert second._stage.starts == "medium"


def test_a_curriculum_that_is_only_hard_changes_no_bit(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    def learned(config: PloutosConfig) -> list[torch.Tensor]:
        learner = create_learner(make_spec(random_market, config))
        learner.train(1024)
        return list(learner.actor().state_dict().values())

    plain, hard = learned(small()), learned(with_phases(small(), ("hard", 1.0)))

    assert all(torch.equal(one, other) for one, other in zip(plain, hard, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.usefixtures("local_ray")
def test_rllib_starts_where_the_phase_says(
    random_market: Market, small: Small, make_spec: MakeSpec, stock: bool
) -> None:
    spec = make_spec(random_market, with_phases(small("rllib"), *THREE))
    learner = RLlibLearner(spec, stock_runner=stock)
    easy = start_weights(random_market, "easy")
    assert easy is not None

    learner.train(256)
    state = learner._algorithm.env_runner.env.unwrapped.batch.state
    starts = np.asarray(state.bar - state.steps)
    while learner.num_timesteps < 1024:
        learner.train(256)
    learner.train(256)

    assert (easy[starts] > 0).all()
    assert learner._stage.starts == "hard"
    learner.close()
