import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cluster.errors import ConfigError
from envs import Market, Window
from train.backtest.evaluation import evaluate
from train.learners.factory import create_learner
from train.learners.spec import LearnerSpec
from train.policy.networks import Actor
from train.scenarios.scenario import PloutosConfig

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


CURRICULUM = {
    "phases": [{"starts": "easy", "share": 0.75}, {"starts": "hard", "share": 0.25}],
}


@pytest.mark.parametrize("phases", [{}, CURRICULUM])
def test_a_training_that_was_cut_in_two_is_the_same_training(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path, phases: Any
) -> None:
    # given: 2,048 steps in one go, with episodes of 200 that end in between
    values = small().model_dump(mode="json") | {"curriculum": phases}
    spec = make_spec(random_market, PloutosConfig.model_validate(values))
    whole = create_learner(spec)
    whole.train(1024)
    whole.save(tmp_path / "checkpoint")
    whole.train(1024)

    # when: another process would go on from the middle
    torch.manual_seed(123)
    second = create_learner(spec)
    second.load(tmp_path / "checkpoint")
    second.train(1024)

    # then
    assert same_weights(whole.actor(), second.actor())


def test_a_checkpoint_of_an_older_version_begins_its_environments_anew(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    first = create_learner(make_spec(random_market, small()))
    first.train(512)
    first.save(tmp_path)
    (file,) = tmp_path.glob("*.pt")
    state = torch.load(file, weights_only=True)
    del state["snapshot"]
    torch.save(state, file)

    second = create_learner(make_spec(random_market, small()))
    second.load(tmp_path)

    assert same_weights(first.actor(), second.actor())
    second.train(512)
    assert second.num_timesteps == 1024


def test_another_number_of_environments_begins_anew(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    first = create_learner(make_spec(random_market, small()))
    first.train(512)
    first.save(tmp_path / "checkpoint")

    second = create_learner(make_spec(random_market, small(n_envs=8)))
    second.load(tmp_path / "checkpoint")
    second.train(256)

    assert second.num_timesteps == 768


def test_a_checkpoint_holds_neither_table_nor_pickled_classes(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    learner = create_learner(make_spec(random_market, small()))
    learner.train(512)
    learner.save(tmp_path)

    (file,) = tmp_path.glob("*.pt")
    state = torch.load(file, weights_only=True)

    assert set(state) == {"net", "optimizer", "num_timesteps", "fingerprint", "snapshot"}
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
        run = evaluate(learner.actor().act, sine_market, config.v6_params(), Window(1000, 1400))
        return float(run.equity[-1] / run.equity[0] - 1)

    untrained = earned()
    learner.train(30_000)

    assert earned() > untrained + 0.10
