from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cluster.errors import DataError, PloutosError
from cluster.settings import Home
from envs import Market, V6Params, Window
from train.backtest.evaluation import evaluate
from train.bundle.bundle import PolicyBundle
from train.policy.export import actor_to_onnx, actor_to_sb3_zip
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.scenarios.scenario import PloutosConfig
from train.sweep.checkpoint import ONNX_FILE, ZIP_FILE, Outcome, seal
from train.sweep.plan import SweepPlan, SweepRequest, make_plan
from train.sweep.results import best_trial, record_trial, save_best, sweep_records
from train.sweep.tune import TunedTrial

TOTAL = 2048


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def plan(random_market: Market, small: Callable[..., PloutosConfig], home: Home) -> SweepPlan:
    market = random_market.save(home.tables)
    return make_plan(SweepRequest(small(), market, "SIMULATED", "1h", home, name="one"))


Ended = Callable[..., TunedTrial]


@pytest.fixture
def ended(tmp_path: Path, plan: SweepPlan, random_market: Market) -> Ended:
    """Makes an ended trial, with a checkpoint on disk; keywords are sampled parameters."""

    def make(
        name: str, *, sharpe: float = 0.5, steps: int = TOTAL, failed: bool = False, **sampled: Any
    ) -> TunedTrial:
        folder = tmp_path / "checkpoints" / name
        folder.mkdir(parents=True, exist_ok=True)
        Outcome(steps, 1.0, sharpe).write(folder)
        torch.manual_seed(0)
        shape = NetworkShape(random_market.num_assets, random_market.num_features, (8,))
        actor = Actor(PolicyNet(shape))
        (folder / ONNX_FILE).write_bytes(actor_to_onnx(actor, plan.scale()))
        (folder / ZIP_FILE).write_bytes(actor_to_sb3_zip(actor, plan.scale()))
        seal(folder)
        return TunedTrial(
            id=name,
            seed=5,
            sampled={"learning_rate": 2e-4} | sampled,
            checkpoint=folder,
            failed=failed,
            finished=True,
            is_last=not failed,
        )

    return make


def test_a_completed_trial_is_recorded_with_its_lineage(
    home: Home, plan: SweepPlan, ended: Ended
) -> None:
    end = record_trial(home, plan, ended("a"))

    (record,) = sweep_records(home, plan)
    assert end == record.status == "completed"
    assert (record.trial_id, record.seed, record.steps) == ("one-a", 5, TOTAL)
    assert record.config == {"learning_rate": 2e-4}
    assert (record.scenario, record.learner) == ("demo", "sb3")
    assert record.data_fingerprint == plan.raw_fingerprint
    assert len(record.test_returns) == len(record.test_dates) == 20


def test_the_test_window_is_read_when_the_trial_has_ended(
    home: Home, plan: SweepPlan, ended: Ended, random_market: Market
) -> None:
    trial = ended("a", buy_pct=0.05)  # a searched parameter of the environment

    record_trial(home, plan, trial)

    (record,) = sweep_records(home, plan)
    low, high = plan.fold.test.start, plan.fold.test.stop
    policy = PolicyBundle.load(save_best(home, plan, trial, random_market))
    params = V6Params.from_dict(policy.manifest.v6_params)
    walk = evaluate(policy.act, random_market, params, Window(low, high), seed=5)
    days = random_market.ts[low:high].astype("datetime64[D]")
    assert params.buy_pct == 0.05
    assert walk.fills > 0
    np.testing.assert_array_equal(record.test_returns, walk.daily_returns)
    assert list(record.test_dates) == np.unique(days).tolist()


def test_a_trial_whose_checkpoint_was_damaged_is_not_recorded(
    home: Home, plan: SweepPlan, ended: Ended
) -> None:
    trial = ended("a")
    assert trial.checkpoint is not None
    (trial.checkpoint / ONNX_FILE).write_bytes(b"torn")

    with pytest.raises(DataError, match=r"checksums\.json"):
        record_trial(home, plan, trial)

    assert sweep_records(home, plan) == []


def test_a_trial_that_ended_early_was_pruned(home: Home, plan: SweepPlan, ended: Ended) -> None:
    assert record_trial(home, plan, ended("a", steps=TOTAL - 1)) == "pruned"


def test_a_failed_trial_keeps_what_its_last_checkpoint_earned(
    home: Home, plan: SweepPlan, ended: Ended
) -> None:
    assert record_trial(home, plan, ended("a", steps=512, failed=True)) == "failed"

    (record,) = sweep_records(home, plan)
    assert (record.steps, len(record.test_returns)) == (512, 20)


def test_a_trial_that_failed_at_once_has_no_returns(
    home: Home, plan: SweepPlan, ended: Ended
) -> None:
    trial = replace(ended("a", failed=True), checkpoint=None)

    assert record_trial(home, plan, trial) == "failed"

    (record,) = sweep_records(home, plan)
    assert (record.steps, record.validation_sharpe, len(record.test_returns)) == (0, None, 0)


def test_recording_twice_changes_nothing(home: Home, plan: SweepPlan, ended: Ended) -> None:
    trial = ended("a")

    record_trial(home, plan, trial)
    record_trial(home, plan, trial)

    assert len(sweep_records(home, plan)) == 1


def test_the_first_record_of_a_trial_stands(home: Home, plan: SweepPlan, ended: Ended) -> None:
    assert record_trial(home, plan, ended("a", steps=512)) == "pruned"

    assert record_trial(home, plan, ended("a", sharpe=0.9)) == "pruned"

    (record,) = sweep_records(home, plan)
    assert (record.steps, record.validation_sharpe) == (512, 0.5)


def test_the_learner_of_a_record_is_the_trials_own(
    home: Home, plan: SweepPlan, ended: Ended
) -> None:
    record_trial(home, plan, ended("a", learner="rllib"))

    assert sweep_records(home, plan)[0].learner == "rllib"


def test_without_a_completed_trial_there_is_no_best(
    home: Home, plan: SweepPlan, ended: Ended
) -> None:
    record_trial(home, plan, ended("a", failed=True))

    with pytest.raises(PloutosError, match="no trial of sweep one was completed"):
        best_trial(plan, sweep_records(home, plan))


def test_a_checkpoint_that_was_damaged_makes_no_bundle(
    home: Home, plan: SweepPlan, ended: Ended, random_market: Market
) -> None:
    trial = ended("a")
    assert trial.checkpoint is not None
    (trial.checkpoint / ONNX_FILE).write_bytes(b"torn")

    with pytest.raises(DataError, match=r"checksums\.json"):
        save_best(home, plan, trial, random_market)


def test_the_bundle_says_where_it_comes_from(
    home: Home, plan: SweepPlan, ended: Ended, random_market: Market
) -> None:
    folder = save_best(home, plan, ended("a", sharpe=0.5), random_market)

    manifest = PolicyBundle.load(folder, expect_symbols=random_market.symbols).manifest
    assert folder.parent == home.bundles
    assert manifest.lineage.model_dump() == {
        "sweep": "one",
        "trial": "one-a",
        "seed": 5,
        "config": {"learning_rate": 2e-4},
    }
    assert manifest.metrics == {"validation_sharpe": 0.5, "steps": TOTAL}
    assert manifest.normaliser == plan.normaliser
    assert (manifest.problem, manifest.folds) == (plan.problem, (plan.fold,))
    assert set(manifest.files) == {"policy.onnx", "sb3.zip"}
