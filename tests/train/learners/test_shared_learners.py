"""Both learners train a shared network, and what they learned moves to another universe."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from envs import Market
from expansion import expand
from train.learners.factory import create_learner
from train.learners.spec import LearnerSpec
from train.policy.networks import NetworkShape, PolicyNet
from train.scenarios.scenario import PloutosConfig

MakeSpec = Callable[..., LearnerSpec]
Small = Callable[..., PloutosConfig]
LEARNERS = ["sb3", pytest.param("rllib", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.usefixtures("local_ray")
def test_a_learner_trains_saves_and_restores_a_shared_network(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path, name: str
) -> None:
    spec = make_spec(random_market, small(name, kind="shared"))
    first, second = create_learner(spec), create_learner(spec)
    untrained = first.actor().state_dict()

    first.train(1024)
    first.save(tmp_path / "checkpoint")
    second.load(tmp_path / "checkpoint")

    learned, restored = first.actor(), second.actor()
    assert learned.shape.kind == "shared"
    for key, weight in learned.state_dict().items():
        assert not torch.equal(weight, untrained[key])
        assert torch.equal(weight, restored.state_dict()[key])
    first.close()
    second.close()


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.usefixtures("local_ray")
def test_what_a_learner_learned_acts_on_a_larger_universe(
    random_market: Market, small: Small, make_spec: MakeSpec, name: str
) -> None:
    learner = create_learner(make_spec(random_market, small(name, kind="shared")))
    learner.train(512)
    few = learner.actor()
    many = PolicyNet(NetworkShape(**vars(few.shape) | {"num_assets": 300}))

    many.policy.load_state_dict(few.policy.state_dict())

    rows = np.random.default_rng(0).random((2, many.shape.observation_width), np.float32)
    assert many.logits(torch.from_numpy(rows)).shape == (2, 3, 300)
    learner.close()


def test_sb3s_policy_reads_the_table_as_the_actor_reads_observations(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    from train.learners.sb3_learner import SB3Learner

    learner = SB3Learner(make_spec(random_market, small(kind="shared")))
    learner.train(512)
    rng = np.random.default_rng(0)
    compact = np.concatenate([rng.integers(0, 1000, (12, 1)), rng.random((12, 6))], axis=1)
    compact = compact.astype(np.float32)

    actions, _ = learner._policy.predict(compact, deterministic=True)

    full = expand(random_market.table, compact)
    np.testing.assert_array_equal(actions, learner.actor().act(full))
