"""After a population's exploit, old weights go on with new parameters: they must reach PPO."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs import Market
from train.learners.factory import create_learner
from train.learners.spec import LearnerSpec
from train.scenarios.scenario import PloutosConfig

Small = Callable[..., PloutosConfig]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sb3", "rllib"])
def test_a_restored_learner_trains_with_its_own_parameters(
    name: str,
    request: pytest.FixtureRequest,
    random_market: Market,
    small: Small,
    make_spec: Callable[..., LearnerSpec],
    tmp_path: Path,
) -> None:
    if name == "rllib":
        request.getfixturevalue("local_ray")
    # given: a checkpoint of a learner with a small rate
    first = create_learner(make_spec(random_market, small(name, learning_rate=1e-6)))
    first.train(512)
    first.save(tmp_path / "checkpoint")
    first.close()

    # when: another one with a large rate and more entropy goes on from it
    changed = small(name, learning_rate=3e-3, ent_coef=0.05, gamma=0.5, clip_range=0.1)
    second = create_learner(make_spec(random_market, changed))
    second.load(tmp_path / "checkpoint")
    try:
        second.train(512)

        # then
        assert learning_rates(second) == {3e-3}
        assert used(second) == {"ent_coef": 0.05, "gamma": 0.5, "clip_range": 0.1}
        assert second.num_timesteps >= 1024
    finally:
        second.close()


def learning_rates(learner: Any) -> set[float]:
    """Of every parameter group of the optimiser, after an update."""
    if hasattr(learner, "_model"):
        groups = learner._model.policy.optimizer.param_groups
    else:
        rllib = learner._algorithm.learner_group._learner
        groups = [group for one in rllib._named_optimizers.values() for group in one.param_groups]
    return {group["lr"] for group in groups}


def used(learner: Any) -> dict[str, float]:
    """What the loss is computed with."""
    if hasattr(learner, "_model"):
        model = learner._model
        return {
            "ent_coef": model.ent_coef,
            "gamma": model.rollout_buffer.gamma,
            "clip_range": model.clip_range(1.0),
        }
    rllib = learner._algorithm.learner_group._learner
    entropy = rllib.entropy_coeff_schedulers_per_module["default_policy"]
    return {
        "ent_coef": float(entropy.get_current_value()),
        "gamma": learner._algorithm.env_runner.config.gamma,
        "clip_range": rllib.config.clip_param,
    }
