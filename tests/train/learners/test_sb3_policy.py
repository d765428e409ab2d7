from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from envs import Market
from expansion import expand
from train.learners.factory import create_learner
from train.learners.sb3_policy import TablePolicy
from train.learners.spec import LearnerSpec
from train.policy.networks import Actor
from train.scenarios.scenario import PloutosConfig

Small = Callable[..., PloutosConfig]


@pytest.fixture
def spec(random_market: Market, small: Small, make_spec: Callable[..., LearnerSpec]) -> LearnerSpec:
    return make_spec(random_market, small())


@pytest.fixture
def policy(spec: LearnerSpec, random_market: Market) -> TablePolicy:
    from envs import TradingVectorEnv

    env = TradingVectorEnv(random_market, spec.config.v6_params(), num_envs=1)
    torch.manual_seed(0)
    return TablePolicy(
        env.single_observation_space,  # type: ignore[arg-type]
        env.single_action_space,  # type: ignore[arg-type]
        lambda progress: 1e-3,
        market=spec.market,
        fingerprint=spec.fingerprint,
        shape=spec.network_shape(random_market),
    )


def compact(rows: int = 12) -> np.ndarray[Any, Any]:
    """(rows, A + 4) f32."""
    rng = np.random.default_rng(0)
    account = rng.random((rows, 6))
    return np.concatenate([rng.integers(0, 1000, (rows, 1)), account], 1).astype(np.float32)


def test_what_acting_says_of_an_action_evaluation_says_too(policy: TablePolicy) -> None:
    observation = torch.from_numpy(compact())

    with torch.no_grad():
        actions, values, log_prob = policy(observation)
    again_values, again_log_prob, entropy = policy.evaluate_actions(observation, actions)

    assert (actions.shape, values.shape, log_prob.shape) == ((12, 3), (12, 1), (12,))
    torch.testing.assert_close(values, again_values.detach(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(log_prob, again_log_prob.detach(), atol=1e-6, rtol=1e-5)
    assert entropy is not None
    assert entropy.shape == (12,)


def test_predict_takes_the_likeliest_choice_when_asked(
    policy: TablePolicy, random_market: Market
) -> None:
    rows = compact()

    actions, _ = policy.predict(rows, deterministic=True)

    full = expand(random_market.table, rows)
    np.testing.assert_array_equal(actions, Actor(policy.net).act(full))


def test_only_the_networks_weights_are_trained(policy: TablePolicy) -> None:
    trained = {id(weight) for group in policy.optimizer.param_groups for weight in group["params"]}

    assert trained == {id(weight) for weight in policy.net.parameters()}
    assert trained == {id(weight) for weight in policy.parameters()}


def test_a_distribution_object_is_not_offered(policy: TablePolicy) -> None:
    with pytest.raises(NotImplementedError, match="forward"):
        policy.get_distribution(torch.from_numpy(compact()))


def test_a_learners_actor_is_a_copy(spec: LearnerSpec) -> None:
    learner = create_learner(spec)
    before = learner.actor()
    kept = before.policy.linears()[0].weight.detach().clone()

    learner.train(512)

    assert torch.equal(before.policy.linears()[0].weight, kept)
    assert not torch.equal(learner.actor().policy.linears()[0].weight, kept)
