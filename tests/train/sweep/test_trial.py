"""A trial without Tune: what it measures, and what its checkpoints hold."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from cluster.errors import ConfigError
from cluster.settings import Home
from envs import Market
from train.scenarios.scenario import PloutosConfig
from train.sweep.broadcast import local_markets
from train.sweep.checkpoint import ONNX_FILE, OUTCOME_FILE, SEAL, Outcome, is_sound
from train.sweep.plan import SweepPlan, SweepRequest, make_plan
from train.sweep.trial import EVALUATIONS, TrialRun, raw_act, sampled_parameters

Small = Callable[..., PloutosConfig]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def plan(random_market: Market, small: Small, home: Home) -> SweepPlan:
    config = small(total_timesteps=4096)
    market = random_market.save(home.tables)
    return make_plan(SweepRequest(config, market, "SIMULATED", "1h", home, name="one"))


def start(home: Home, plan: SweepPlan, **sampled: float) -> TrialRun:
    config = {"home": str(home.root), "sweep": plan.name, "seed": 3, **sampled}
    return TrialRun(local_markets(home, plan, ()), plan, config, home.sweeps / plan.name / "trial")


def test_only_what_the_search_chose_counts_as_sampled() -> None:
    config = {"home": "/h", "sweep": "s", "seed": 1, "gamma": 0.9, "buy_pct": 0.1}

    assert sampled_parameters(config) == {"gamma": 0.9, "buy_pct": 0.1}


def test_an_outcome_is_read_as_it_was_written(tmp_path: Path) -> None:
    outcome = Outcome(100, 5000.0, 1 / 3)

    outcome.write(tmp_path)

    assert Outcome.read(tmp_path) == outcome


def test_an_outcome_of_an_older_checkpoint_is_read(tmp_path: Path) -> None:
    older = {"steps": 100, "steps_per_second": 9.0, "validation_sharpe": 0.5, "test_sharpe": 1.0}
    (tmp_path / OUTCOME_FILE).write_text(json.dumps(older | {"test_returns": [0.1]}))

    assert Outcome.read(tmp_path) == Outcome(100, 9.0, 0.5)


def test_tune_never_sees_a_test_result() -> None:
    outcome = Outcome(100, 5000.0, 0.5)

    assert outcome.metrics() == {
        "validation_sharpe": 0.5,
        "num_timesteps": 100,
        "steps_per_second": 5000.0,
    }


def test_a_trial_is_evaluated_evenly_to_its_end(home: Home, plan: SweepPlan) -> None:
    run = start(home, plan)

    outcomes = [outcome for outcome, _ in run.outcomes()]

    assert len(outcomes) == EVALUATIONS
    assert [outcome.steps for outcome in outcomes] == [512 * n for n in range(1, 9)]
    assert all(outcome.steps_per_second > 0 for outcome in outcomes)
    assert next(run.outcomes(), None) is None


def test_a_trial_that_goes_on_from_a_checkpoint_is_the_same_trial(
    home: Home, plan: SweepPlan, tmp_path: Path
) -> None:
    # given: a trial that leaves checkpoints, and its third one
    validations, third = [], tmp_path / "third"
    run = start(home, plan)
    for number, (outcome, _) in enumerate(run.outcomes(), start=1):
        validations.append(outcome.validation_sharpe)
        with run.checkpoint(outcome) as folder:
            if number == 3:
                shutil.copytree(folder, third)

    # when
    again = start(home, plan)
    again.learner.load(third / "learner")
    later = [outcome.validation_sharpe for outcome, _ in again.outcomes()]

    # then
    assert later == validations[3:]
    assert len(set(validations)) > 1


def test_what_the_test_window_holds_changes_nothing_of_a_trial(
    home: Home, small: Small, random_market: Market
) -> None:
    # given: two markets that differ in the test window alone, there by another price path
    window = make_plan(asked(home, small(), random_market, "one")).fold.test
    low, high = window.start, window.stop
    close = random_market.close.copy()
    close[low:high] *= np.linspace(1.0, 3.0, high - low)[:, None]
    features = random_market.features.copy()
    features[low:high] = -features[low:high]
    other = dataclasses.replace(random_market, close=close, open=close, features=features)
    plans = [
        make_plan(asked(home, small(), market, name))
        for name, market in (("two", random_market), ("three", other))
    ]

    # when
    outcomes = [[outcome for outcome, _ in start(home, plan).outcomes()] for plan in plans]

    # then: every number that Tune, a search or a person can choose by is the same
    validations = [[outcome.validation_sharpe for outcome in each] for each in outcomes]
    assert plans[0].raw_fingerprint != plans[1].raw_fingerprint
    assert validations[0] == validations[1]
    assert len(set(validations[0])) > 1


def asked(home: Home, config: PloutosConfig, market: Market, name: str) -> SweepRequest:
    return SweepRequest(config, market.save(home.tables), "SIMULATED", "1h", home, name=name)


def test_sampled_parameters_reach_the_learner(home: Home, plan: SweepPlan) -> None:
    (_, first), (_, second) = (
        next(start(home, plan, learning_rate=rate).outcomes()) for rate in (1e-5, 1e-2)
    )

    assert first["train/learning_rate"] == 1e-5
    assert second["train/learning_rate"] == 1e-2


def test_a_sampled_value_out_of_range_is_refused(home: Home, plan: SweepPlan) -> None:
    with pytest.raises(ConfigError, match=r"training\.gamma"):
        start(home, plan, gamma=2.0)


def test_a_checkpoint_brings_the_trial_back(home: Home, plan: SweepPlan, tmp_path: Path) -> None:
    run = start(home, plan)
    outcome, _ = next(run.outcomes())
    with run.checkpoint(outcome) as folder:
        names = {path.name for path in folder.iterdir()}
        assert is_sound(folder)
        assert Outcome.read(folder).steps == outcome.steps
        resumed = start(home, plan)
        resumed.learner.load(folder / "learner")

    assert names == {"learner", "outcome.json", "policy.onnx", "sb3.zip", SEAL}
    assert [part.steps for part, _ in resumed.outcomes()] == [512 * n for n in range(2, 9)]
    assert not folder.exists()


def test_the_exported_policy_acts_as_the_evaluated_one(
    home: Home, plan: SweepPlan, random_market: Market
) -> None:
    run = start(home, plan)
    outcome, _ = next(run.outcomes())
    with run.checkpoint(outcome) as folder:
        session = onnxruntime.InferenceSession((folder / ONNX_FILE).read_bytes())
    rng = np.random.default_rng(0)
    account = rng.random((40, random_market.num_assets + 3))
    raw = np.concatenate([random_market.table[:40], account], axis=1).astype(np.float32)

    (logits,) = session.run(["logits"], {"observation": raw})
    act = raw_act(run.learner.actor(), plan.scale(), random_market)

    ranked = np.sort(logits, axis=-1)
    clear = ranked[..., -1] - ranked[..., -2] > 1e-5
    np.testing.assert_array_equal(act(raw)[clear], logits.argmax(-1)[clear])
