from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.errors import ConfigError
from envs import Market, Window
from train.backtest.evaluation import evaluate
from train.learners.factory import create_learner
from train.learners.gae import generalised_advantages
from train.learners.spec import LearnerSpec
from train.scenarios.scenario import PloutosConfig

MakeSpec = Callable[..., LearnerSpec]
Small = Callable[..., PloutosConfig]


def by_definition(
    rewards: list[float], values: list[float], ends: list[str], gamma: float, lam: float
) -> list[float]:
    """One environment's advantages, as sums over what follows."""
    advantages = []
    for start in range(len(rewards)):
        total, weight = 0.0, 1.0
        for step in range(start, len(rewards)):
            next_value = 0.0 if ends[step] == "terminated" else values[step + 1]
            total += weight * (rewards[step] + gamma * next_value - values[step])
            weight *= gamma * lam
            if ends[step]:
                break
        advantages.append(total)
    return advantages


def test_advantages_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=(9, 2)), rng.normal(size=(10, 2))
    ends = np.full((9, 2), "", dtype=object)
    ends[3, 0], ends[6, 1] = "terminated", "truncated"

    found = generalised_advantages(
        rewards.astype(np.float32),
        values.astype(np.float32),
        ends == "terminated",
        ends == "truncated",
        gamma=0.9,
        gae_lambda=0.8,
    )

    for column in range(2):
        wanted = by_definition(
            rewards[:, column].tolist(),
            values[:, column].tolist(),
            ends[:, column].tolist(),
            0.9,
            0.8,
        )
        np.testing.assert_allclose(found[:, column], wanted, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*already in registry:UserWarning")
@pytest.mark.usefixtures("local_ray")
class TestWithRay:
    def test_a_checkpoint_goes_on_where_it_was_written(
        self, random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
    ) -> None:
        spec = make_spec(random_market, small("rllib"))
        first, second = create_learner(spec), create_learner(spec)
        metrics = first.train(1024)
        first.save(tmp_path / "checkpoint")

        second.load(tmp_path / "checkpoint")

        assert 1024 <= first.num_timesteps < 1024 + 2 * 16
        assert second.num_timesteps == first.num_timesteps
        assert metrics["entropy"] == pytest.approx(3 * 1.0986, rel=0.05)
        weights = [learner.actor().state_dict().values() for learner in (first, second)]
        assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
        second.train(512)
        assert second.num_timesteps > first.num_timesteps
        assert list(spec.log_folder.glob("events.out.tfevents.*"))
        first.close()
        second.close()

    def test_a_checkpoint_holds_no_table(
        self, random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
    ) -> None:
        learner = create_learner(make_spec(random_market, small("rllib")))
        folder = tmp_path / "checkpoint"
        learner.save(folder)
        learner.close()

        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

        assert size < random_market.table.nbytes / 2

    def test_a_market_that_was_rebuilt_is_refused(
        self, random_market: Market, sine_market: Market, small: Small, make_spec: MakeSpec
    ) -> None:
        spec = make_spec(random_market, small("rllib"))
        moved = LearnerSpec(**vars(spec) | {"market": make_spec(sine_market, small()).market})

        with pytest.raises(ConfigError, match="another market"):
            create_learner(moved)

    def test_rllibs_own_runner_takes_the_same_environments_and_network(
        self, random_market: Market, small: Small, make_spec: MakeSpec
    ) -> None:
        from train.learners.rllib_learner import RLlibLearner

        learner = RLlibLearner(make_spec(random_market, small("rllib")), stock_runner=True)
        before = learner.actor().policy.linears()[0].weight.detach().clone()

        learner.train(1024)

        assert learner.num_timesteps >= 1024
        assert not torch.equal(before, learner.actor().policy.linears()[0].weight)
        learner.close()

    @pytest.mark.parametrize("stock_runner", [False, True])
    def test_it_learns_to_trade_a_sine(
        self, sine_market: Market, small: Small, make_spec: MakeSpec, stock_runner: bool
    ) -> None:
        from train.learners.rllib_learner import RLlibLearner

        config = small("rllib", learning_rate=1e-3, n_epochs=8, gamma=0.95)
        learner = RLlibLearner(make_spec(sine_market, config), stock_runner=stock_runner)

        def earned() -> float:
            run = evaluate(learner.actor().act, sine_market, config.v6_params(), Window(1000, 1400))
            return float(run.equity[-1] / run.equity[0] - 1)

        untrained = earned()
        learner.train(30_000)

        assert earned() > untrained + 0.10
        learner.close()
