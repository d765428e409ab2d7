"""What is left of a sweep: a ledger record of every trial, and a bundle of the best one.

A trial's test window is read once, here, by the driver, when the trial has ended and nothing
about it can change any more: neither the trial nor Tune, a scheduler or a search algorithm ever
has a number of the test window.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cluster.errors import PloutosError
from cluster.settings import Home
from envs import Market
from features import feature_fingerprint
from train.backtest.evaluation import Evaluation, evaluate
from train.bundle.bundle import save_bundle
from train.bundle.inference import likeliest
from train.bundle.manifest import Lineage, ManifestFields
from train.ledger.ledger import TrialLedger, TrialRecord
from train.ledger.names import policies_of_walk
from train.ledger.ranking import ranked
from train.ledger.record import TrialEnd
from train.scenarios.parameters import LEARNER
from train.sweep.checkpoint import ONNX_FILE, ZIP_FILE, Outcome, check_sound
from train.sweep.plan import SweepPlan
from train.sweep.tune import TunedTrial


def record_trial(home: Home, plan: SweepPlan, trial: TunedTrial) -> TrialEnd:
    """Enter an ended trial into the ledger, with what it earns on the test window.

    The first record stands: a resumed trial that had ended already tells nothing new.

    Raises:
        DataError: its last checkpoint was damaged.
    """
    ledger = TrialLedger(home.ledger)
    recorded = ledger.find(plan.problem, plan.trial_id(trial.id))
    if recorded is not None:
        return recorded.status
    outcome = Outcome.read(trial.checkpoint) if trial.checkpoint else None
    earned = _earned_on_test(home, plan, trial) if outcome else None
    scenario = plan.scenario()
    end = _end_of(trial, outcome, scenario.training.total_timesteps)
    record = TrialRecord(
        trial_id=plan.trial_id(trial.id),
        problem=plan.problem,
        sweep=plan.name,
        scenario=scenario.name,
        learner=trial.sampled.get(LEARNER, scenario.learner),
        seed=trial.seed,
        config=dict(trial.sampled),
        status=end,
        steps=outcome.steps if outcome else 0,
        validation_sharpe=outcome.validation_sharpe if outcome else None,
        test_dates=earned.dates() if earned else (),
        test_returns=earned.daily_returns if earned else np.empty(0),
        code_version=plan.code_version,
        data_fingerprint=plan.raw_fingerprint,
        created=datetime.now(UTC),
        walk=plan.walk_fold,
    )
    ledger.append(record)
    return end


def sweep_records(home: Home, plan: SweepPlan) -> list[TrialRecord]:
    """The records of a sweep's trials that have ended so far."""
    records = TrialLedger(home.ledger).records(plan.problem)
    return [record for record in records if record.sweep == plan.name]


def _earned_on_test(home: Home, plan: SweepPlan, trial: TunedTrial) -> Evaluation:
    """Walk the policy of an ended trial's last checkpoint through the test window of its fold.

    Raises:
        DataError: the checkpoint was damaged.
    """
    onnx = (_sound_checkpoint(trial) / ONNX_FILE).read_bytes()
    scenario = plan.scenario().with_overrides(trial.sampled)
    return evaluate(
        likeliest(onnx),
        Market.load(home.tables / plan.raw_market),
        scenario.v6_params(),
        plan.fold.test,
        seed=trial.seed,
    )


def _sound_checkpoint(trial: TunedTrial) -> Path:
    """The folder of the last checkpoint that Tune has of a trial."""
    assert trial.checkpoint is not None, "a trial that was evaluated has a checkpoint"
    check_sound(trial.checkpoint)
    return trial.checkpoint


def _end_of(trial: TunedTrial, outcome: Outcome | None, total_steps: int) -> TrialEnd:
    """A trial that ended before its steps were taken was pruned."""
    if trial.failed:
        return TrialEnd.FAILED
    took_all = outcome is not None and outcome.steps >= total_steps
    return TrialEnd.COMPLETED if took_all else TrialEnd.PRUNED


def best_trial(plan: SweepPlan, records: Iterable[TrialRecord]) -> TrialRecord:
    """The median trial of the best configuration: what its seeds usually give.

    Raises:
        PloutosError: no trial was completed.
    """
    configurations = ranked(records)
    if not configurations or not configurations[0].completed:
        raise PloutosError(
            f"no trial of sweep {plan.name} was completed",
            "all failed or were pruned",
            f"ploutos tune show {plan.name}",
        )
    return configurations[0].median_trial


def save_best(home: Home, plan: SweepPlan, trial: TunedTrial, market: Market) -> Path:
    """Make a bundle of a trial's last checkpoint; that of a walk's fold stays with the walk.

    Raises:
        DataError: the checkpoint was damaged since.
    """
    checkpoint = _sound_checkpoint(trial)
    scenario = plan.scenario().with_overrides(trial.sampled)
    outcome = Outcome.read(checkpoint)
    stated = ManifestFields(
        scenario=scenario.name,
        learner=scenario.learner,
        feature_set=scenario.data.feature_set,
        feature_fingerprint=feature_fingerprint(scenario.data.feature_set),
        feature_names=market.feature_names,
        symbols=market.symbols,
        v6_params=scenario.v6_params().to_dict(),
        normaliser=plan.normaliser,
        data=plan.data,
        folds=(plan.fold,),
        lineage=Lineage(
            sweep=plan.name,
            trial=plan.trial_id(trial.id),
            seed=trial.seed,
            config=dict(trial.sampled),
        ),
        metrics={
            "validation_sharpe": outcome.validation_sharpe,
            "steps": outcome.steps,
        },
        problem=plan.problem,
        created=datetime.now(UTC),
        slots=plan.slots,
        risk=scenario.risk or None,
    )
    onnx, zipped = ((checkpoint / name).read_bytes() for name in (ONNX_FILE, ZIP_FILE))
    folder = policies_of_walk(home, plan.walk) if plan.walk else home.bundles
    return save_bundle(folder, onnx, zipped, stated)
