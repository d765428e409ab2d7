import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cluster.errors import ConfigError
from envs import Market
from train.evaluation import evaluate
from train.learner import LearnerSpec, create_learner
from train.networks import Actor
from train.scenario import PloutosConfig

MakeSpec = Callable[..., LearnerSpec]
Small = Callable[..., PloutosConfig]


def same_weights(first: Actor, second: Actor) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def trained(spec: LearnerSpec, steps: int = 1024) -> Actor:
    learner = create_learner(spec)
    learner.train(steps)
    learner.close()
    return learner.actor()


def test_the_same_seed_learns_the_same(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    first, again, other = (trained(make_spec(random_market, small(), seed)) for seed in (1, 1, 2))

    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_training_counts_whole_rollouts_and_tells_its_metrics(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    learner = create_learner(make_spec(random_market, small()))

    metrics = learner.train(600)

    assert learner.num_timesteps == 1024  # two rollouts of 16 x 32
    assert metrics["train/entropy_loss"] == pytest.approx(-3 * 1.0986, rel=0.05)
    assert metrics["time/total_timesteps"] == 1024


def test_tensorboard_files_are_always_written(
    random_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    spec = make_spec(random_market, small())

    trained(spec)

    (board,) = spec.log_folder.glob("events.out.tfevents.*")
    assert board.stat().st_size > 500


def test_a_checkpoint_goes_on_where_it_was_written(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec(random_market, small())
    first, second = create_learner(spec), create_learner(spec)
    first.train(1024)
    first.save(tmp_path / "checkpoint")

    second.load(tmp_path / "checkpoint")

    assert second.num_timesteps == 1024
    assert same_weights(first.actor(), second.actor())
    second.train(512)
    assert second.num_timesteps == 1536
    assert not same_weights(first.actor(), second.actor())


def test_a_checkpoint_holds_neither_table_nor_pickled_classes(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    learner = create_learner(make_spec(random_market, small()))
    learner.train(512)
    learner.save(tmp_path)

    (file,) = tmp_path.glob("*.pt")
    state = torch.load(file, weights_only=True)

    assert set(state) == {"net", "optimizer", "num_timesteps", "fingerprint"}
    assert all("table" not in name for name in state["net"])


def test_a_checkpoint_of_another_network_is_refused(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    learner = create_learner(make_spec(random_market, small()))
    learner.save(tmp_path)
    values = json.loads(small().to_json())
    values["network"]["net_arch"] = [8]
    other = create_learner(make_spec(random_market, PloutosConfig.model_validate(values)))

    with pytest.raises(ConfigError, match="another network"):
        other.load(tmp_path)


def test_a_market_that_was_rebuilt_is_refused(
    random_market: Market, sine_market: Market, small: Small, make_spec: MakeSpec
) -> None:
    spec = make_spec(random_market, small())
    moved = LearnerSpec(**vars(spec) | {"market": make_spec(sine_market, small()).market})

    with pytest.raises(ConfigError, match="another market"):
        create_learner(moved)


@pytest.mark.slow
def test_it_learns_to_trade_a_sine(sine_market: Market, small: Small, make_spec: MakeSpec) -> None:
    config = small(learning_rate=1e-3, n_epochs=8, gamma=0.95)
    learner = create_learner(make_spec(sine_market, config))

    def earned() -> float:
        run = evaluate(learner.actor().act, sine_market, config.v6_params(), (1000, 1399))
        return float(run.equity[-1] / run.equity[0] - 1)

    untrained = earned()
    learner.train(30_000)

    assert earned() > untrained + 0.10
