"""Run a sweep of trials on Ray Tune, or go on with one; `python -m train.sweep --help`."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cluster.errors import PloutosError
from cluster.ray_runtime import attached_ray
from cluster.settings import Home
from train.market_table import open_market
from train.sweep_plan import SweepPlan, SweepRequest, make_plan, read_plan
from train.sweep_progress import Report, SweepEvent, TrialListener, tune_callback
from train.sweep_records import (
    best_trial,
    outcome_of,
    record_trial,
    save_best,
    sweep_records,
    trial_id,
)
from train.sweep_search import METRIC, MODE, parameter_space, search_algorithm, trial_scheduler
from train.trial import run_trial, sampled_parameters

MAX_FAILURES = 2  # restarts of a trial from its last checkpoint
_TUNE_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "0",
}


class SweepInterruptedError(PloutosError):
    """Ctrl-C in the middle of a sweep; nothing that was checkpointed is lost."""

    exit_code: ClassVar[int] = 130


@dataclass(frozen=True)
class TrialSummary:
    """How one trial ended."""

    trial: str  # its id in the ledger
    status: str  # completed, pruned or failed
    sampled: dict[str, Any]
    seed: int
    steps: int
    validation_sharpe: float | None


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep; its bundle is not judged yet."""

    plan: SweepPlan
    home: Home
    trials: tuple[TrialSummary, ...]
    best: TrialSummary
    bundle: Path
    elapsed_s: float

    @property
    def steps(self) -> int:
        """Environment steps of all trials."""
        return sum(trial.steps for trial in self.trials)

    @property
    def market(self) -> Path:
        """The market with raw features, as the judge needs it."""
        return self.home.tables / self.plan.raw_market

    def to_dict(self) -> dict[str, Any]:
        """The summary that the command prints as one line of JSON."""
        return {
            "sweep": self.plan.name,
            "problem": self.plan.problem,
            "trials": len(self.trials),
            "completed": sum(trial.status == "completed" for trial in self.trials),
            "best": vars(self.best),
            "bundle": str(self.bundle),
            "market": str(self.market),
            "steps": self.steps,
            "elapsed_s": round(self.elapsed_s, 1),
            "steps_per_second": round(self.steps / self.elapsed_s, 1),
        }


def silent(event: SweepEvent) -> None:
    """A report that goes nowhere."""


def run_sweep(request: SweepRequest, report: Report = silent) -> SweepResult:
    """Run every trial, record each in the ledger and make a bundle of the best.

    Raises:
        UsageError: the sweep's name is taken.
        DataError: the market is too short for the folds.
        SweepInterruptedError: Ctrl-C; says how to go on.
        PloutosError: no trial was completed.
    """
    plan = make_plan(request)
    return _run(request.home, plan, report, resume=False)


def resume_sweep(home: Home, name: str, report: Report = silent) -> SweepResult:
    """Go on with an interrupted sweep: running trials from their checkpoints, then the rest.

    Trials that failed stay as they are: the ledger has them. A finished sweep only gets its
    records and its bundle again.

    Raises:
        UsageError: there is no such sweep.
        SweepInterruptedError: Ctrl-C again.
        PloutosError: no trial was completed.
    """
    return _run(home, read_plan(home, name), report, resume=True)


def _run(home: Home, plan: SweepPlan, report: Report, *, resume: bool) -> SweepResult:
    began = time.perf_counter()
    config = plan.scenario()
    listener = TrialListener(
        report=report,
        record=lambda trial: record_trial(home, plan, trial),
        total_steps=config.training.total_timesteps,
        trials=config.search.trials,
    )
    with attached_ray(), _tune_settings():
        trials = _tune(home, plan, listener, resume=resume)
    ends = {record.trial_id: record.status for record in sweep_records(home, plan)}
    _check_all_ended(plan, trials, ends)
    summaries = tuple(_summary(plan, trial, ends) for trial in trials)
    best = best_trial(plan, trials, ends)
    raw = open_market(home.tables / plan.raw_market, plan.raw_fingerprint)
    return SweepResult(
        plan=plan,
        home=home,
        trials=summaries,
        best=summaries[trials.index(best)],
        bundle=save_best(home, plan, best, raw),
        elapsed_s=time.perf_counter() - began,
    )


def _check_all_ended(plan: SweepPlan, trials: list[Any], ends: Mapping[str, str]) -> None:
    """The ledger tells: Tune calls a trial terminated, too, that Ctrl-C has stopped."""
    wanted = plan.scenario().search.trials
    ended = sum(trial_id(plan, trial) in ends for trial in trials)
    if ended < wanted:
        raise SweepInterruptedError(
            f"sweep {plan.name} was interrupted",
            f"{ended} of {wanted} trials have ended",
            f"ploutos tune resume {plan.name}",
        )


def _tune(home: Home, plan: SweepPlan, listener: TrialListener, *, resume: bool) -> list[Any]:
    """Tune's own trials, when all have ended or Ctrl-C was pressed.

    `tune.run` and not `tune.Tuner`: the Tuner pickles the callbacks with the experiment, and a
    resumed one would report to where the first one did.
    """
    from ray import tune

    config = plan.scenario()
    processes = 1 + config.workers.env_runners + config.workers.learners
    told = {"home": str(home.root), "sweep": plan.name}
    analysis = tune.run(
        run_trial,
        name=plan.name,
        config=parameter_space(config) | told,
        metric=METRIC,
        mode=MODE,
        num_samples=config.search.trials,
        search_alg=search_algorithm(config),
        scheduler=trial_scheduler(config),
        storage_path=str(home.sweeps),
        checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
        resources_per_trial=tune.PlacementGroupFactory([{"CPU": 1.0}] * processes),
        max_failures=MAX_FAILURES,
        max_concurrent_trials=plan.max_concurrent,
        reuse_actors=True,
        raise_on_failed_trial=False,
        resume="AUTO" if resume else None,
        callbacks=[tune_callback(listener)],
        trial_dirname_creator=lambda trial: str(trial.trial_id),
        verbose=0,
    )
    return list(analysis.trials)


@contextmanager
def _tune_settings() -> Iterator[None]:
    """Tune's output and buffering are set by environment variables only; the user's win."""
    added = {name: value for name, value in _TUNE_SETTINGS.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _summary(plan: SweepPlan, trial: Any, ends: Mapping[str, str]) -> TrialSummary:
    outcome = outcome_of(trial)
    return TrialSummary(
        trial=trial_id(plan, trial),
        status=ends[trial_id(plan, trial)],
        sampled=sampled_parameters(trial.config),
        seed=int(trial.config["seed"]),
        steps=outcome.steps if outcome else 0,
        validation_sharpe=outcome.validation_sharpe if outcome else None,
    )


def _command() -> int:
    from train.sweep_command import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_command())
