"""Run a walk-forward, or go on with one: a sweep in every fold, then one verdict on all of it.

In each fold the normaliser and the choice of a configuration come from before its test window, as
do the names that a scan seats in slots. The folds' test windows are read at the end, when every
choice is made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.ray_runtime import attached_ray
from cluster.settings import Home
from train.judge.judge_bundle import Judgement
from train.judge.judge_walk import fold_choices, judge_walk, walk_bundle
from train.report.report import FoldChoice
from train.sweep.plan import SWEEP_PLANS, SweepRequest
from train.sweep.plan_file import resume_command
from train.sweep.progress import SweepEvent
from train.sweep.state import driving, finish, sweep_state
from train.sweep.sweep import SweepInterruptedError, resume_sweep, run_sweep
from train.sweep.walk_plan import WALK_PLANS, WalkPlan, make_walk_plan

FoldReport = Callable[[int, SweepEvent], None]  # fold, counted from 0


@dataclass(frozen=True, eq=False)
class WalkResult:
    """A finished and judged walk."""

    plan: WalkPlan
    bundle: Path
    judgement: Judgement
    folds: tuple[FoldChoice, ...]
    elapsed_s: float


def silent(fold: int, event: SweepEvent) -> None:
    """A report that goes nowhere."""


def run_walk(request: SweepRequest, report: FoldReport = silent) -> WalkResult:
    """Run a sweep in every fold of its scenario, make the bundle and judge the stitched path.

    Raises:
        UsageError: the name is taken.
        ConfigError: the search would not try the same in every fold.
        SweepInterruptedError: Ctrl-C; says how to go on.
        PloutosError: no trial of a fold was completed.
    """
    return _drive(request.home, make_walk_plan(request), report)


def resume_walk(home: Home, name: str, report: FoldReport = silent) -> WalkResult:
    """Go on with an interrupted walk; a finished one is only judged again, which counts.

    Raises:
        UsageError: there is no such walk.
        SweepInterruptedError: Ctrl-C again.
        PloutosError: no trial of a fold was completed.
    """
    return _drive(home, WALK_PLANS.read(home, name), report)


def _drive(home: Home, plan: WalkPlan, report: FoldReport) -> WalkResult:
    began = time.perf_counter()
    try:
        with driving(home, plan.name):
            _run_folds(home, plan, report)
            bundle = walk_bundle(home, plan)
            judgement = judge_walk(home, bundle)
            finish(home, plan.name, bundle)
    except KeyboardInterrupt:
        raise SweepInterruptedError(
            f"walk {plan.name} was interrupted",
            "what has ended is in the ledger",
            resume_command(home, plan.name),
        ) from None
    return WalkResult(
        plan=plan,
        bundle=bundle,
        judgement=judgement,
        folds=tuple(fold_choices(home, plan, judgement)),
        elapsed_s=time.perf_counter() - began,
    )


def _run_folds(home: Home, plan: WalkPlan, report: FoldReport) -> None:
    """Every fold that has not ended, on one Ray."""
    names = [plan.fold_sweep(fold) for fold in range(len(plan.folds))]
    if all(sweep_state(home, name).standing == "finished" for name in names):
        return
    with attached_ray():
        for fold, name in enumerate(names):
            if sweep_state(home, name).standing != "finished":
                _run_fold(home, plan, fold, report)


def _run_fold(home: Home, plan: WalkPlan, fold: int, report: FoldReport) -> None:
    def tell(event: SweepEvent) -> None:
        report(fold, event)

    name = plan.fold_sweep(fold)
    try:
        if SWEEP_PLANS.exists(home, name):
            resume_sweep(home, name, tell)
        else:
            run_sweep(plan.sweep_request(home, fold), tell)
    except SweepInterruptedError as error:
        raise SweepInterruptedError(
            f"walk {plan.name} was interrupted",
            f"fold {fold + 1} of {len(plan.folds)}: {error.why}",
            error.next_command,
        ) from None
