"""A trial without Tune: what it measures, and what its checkpoints hold."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from cluster.errors import ConfigError
from cluster.settings import Home
from envs import Market
from train.market_broadcast import local_markets
from train.scenario import PloutosConfig
from train.sweep_plan import SweepPlan, SweepRequest, make_plan
from train.trial import (
    EVALUATIONS,
    ONNX_FILE,
    TrialRun,
    raw_act,
    sampled_parameters,
)
from train.trial_checkpoint import SEAL, is_sound
from train.trial_outcome import Outcome

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
    days = tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(3))
    outcome = Outcome(100, 5000.0, 0.5, -0.25, days, np.array([0.01, -1 / 3, 0.0]))

    outcome.write(tmp_path)
    again = Outcome.read(tmp_path)

    assert again.test_dates == days
    np.testing.assert_array_equal(again.test_returns, outcome.test_returns)
    assert again.metrics() == outcome.metrics()
    assert again.test_sharpe == -0.25


def test_tune_never_sees_a_test_result() -> None:
    outcome = Outcome(100, 5000.0, 0.5, -0.25, (), np.empty(0))

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
    assert all(len(outcome.test_returns) == 20 for outcome in outcomes)
    assert all(outcome.steps_per_second > 0 for outcome in outcomes)
    assert next(run.outcomes(), None) is None


def test_the_test_dates_are_the_sessions_of_the_test_window(
    home: Home, plan: SweepPlan, random_market: Market
) -> None:
    outcome, _ = next(start(home, plan).outcomes())

    low, high = plan.fold.test
    days = random_market.ts[low:high].astype("datetime64[D]")
    assert list(outcome.test_dates) == np.unique(days).tolist()


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
