"""Run a sweep of trials on Ray Tune, or go on with one; `python -m train.sweep --help`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cluster.errors import PloutosError
from cluster.files import storage_errors
from cluster.ray_runtime import attached_ray
from cluster.settings import Home
from train.ledger.record import TrialEnd, TrialRecord
from train.market.stored import open_market
from train.sweep.plan import SWEEP_PLANS, SweepPlan, SweepRequest, make_plan
from train.sweep.plan_file import resume_command
from train.sweep.progress import Report, SweepEvent
from train.sweep.results import best_trial, record_trial, save_best, sweep_records
from train.sweep.state import driving, finish, free_reserve
from train.sweep.tune import TrialListener, TunedTrial, tune_trials


class SweepInterruptedError(PloutosError):
    """Ctrl-C in the middle of a sweep; nothing that was checkpointed is lost."""

    exit_code: ClassVar[int] = 130


@dataclass(frozen=True)
class TrialSummary:
    """How one trial ended."""

    trial: str  # its id in the ledger
    status: TrialEnd
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
            "bars": self.plan.bars,
            "trials": len(self.trials),
            "completed": sum(trial.status == TrialEnd.COMPLETED for trial in self.trials),
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
    return _run(home, SWEEP_PLANS.read(home, name), report, resume=True)


def _run(home: Home, plan: SweepPlan, report: Report, *, resume: bool) -> SweepResult:
    began = time.perf_counter()
    with driving(home, plan.name):
        trials = _trials(home, plan, report, resume=resume)
        records = {record.trial_id: record for record in sweep_records(home, plan)}
        names = [plan.trial_id(trial.id) for trial in trials]
        if len(names) < plan.scenario().search.trials or not records.keys() >= set(names):
            raise _interrupted(home, plan, ended=len(records))
        best = best_trial(plan, records.values())
        chosen = trials[names.index(best.trial_id)]
        raw = open_market(home.tables / plan.raw_market, plan.raw_fingerprint)
        bundle = save_best(home, plan, chosen, raw)
        finish(home, plan.name, bundle)
    return SweepResult(
        plan=plan,
        home=home,
        trials=tuple(_summary(records[name]) for name in names),
        best=_summary(best),
        bundle=bundle,
        elapsed_s=time.perf_counter() - began,
    )


def _trials(home: Home, plan: SweepPlan, report: Report, *, resume: bool) -> list[TunedTrial]:
    """Every trial that was begun; those that have ended are in the ledger.

    Raises:
        SweepInterruptedError: Ctrl-C.
        PloutosError: the disk is full, or a trial could not begin.
    """
    config = plan.scenario()
    listener = TrialListener(
        report=report,
        record=lambda trial: record_trial(home, plan, trial),
        total_steps=config.training.total_timesteps,
        trials=config.search.trials,
        make_room=lambda: free_reserve(home, plan.name),
    )
    try:
        with storage_errors(home.sweeps / plan.name), attached_ray() as session:
            trials = tune_trials(home, plan, listener, session, resume=resume)
    except KeyboardInterrupt:
        raise _interrupted(home, plan, ended=len(sweep_records(home, plan))) from None
    except PloutosError as error:
        then = f"{error.next_command}; then {resume_command(home, plan.name)}"
        raise type(error)(f"sweep {plan.name} stopped: {error.what}", error.why, then) from error
    if listener.fault:
        raise PloutosError(
            f"sweep {plan.name} stopped",
            listener.fault,
            f"mend that (df -h tells the free space), then {resume_command(home, plan.name)}",
        )
    for trial in trials:
        if listener.ended_earlier(trial):
            record_trial(home, plan, trial)  # its driver was killed before it could
    return trials


def _interrupted(home: Home, plan: SweepPlan, *, ended: int) -> SweepInterruptedError:
    """The ledger tells what has ended: Tune calls a trial terminated that Ctrl-C has stopped."""
    return SweepInterruptedError(
        f"sweep {plan.name} was interrupted",
        f"{ended} of {plan.scenario().search.trials} trials have ended",
        resume_command(home, plan.name),
    )


def _summary(record: TrialRecord) -> TrialSummary:
    return TrialSummary(
        trial=record.trial_id,
        status=record.status,
        sampled=record.config,
        seed=record.seed,
        steps=record.steps,
        validation_sharpe=record.validation_sharpe,
    )
