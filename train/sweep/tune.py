"""A sweep's trials on Ray Tune: the one place that knows how Tune's own trials look."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.atomic_filesystem import atomic_storage
from cluster.ray_runtime import RaySession
from cluster.settings import Home
from train.learners.resources import trial_resources
from train.ledger.record import TrialEnd
from train.sweep.broadcast import broadcast
from train.sweep.plan import SweepPlan
from train.sweep.progress import EventKind, Report, SweepEvent
from train.sweep.search import (
    METRIC,
    MODE,
    TIME,
    parameter_space,
    search_algorithm,
    trial_scheduler,
)
from train.sweep.trial import FAULT, run_trial, sampled_parameters

MAX_FAILURES = 2  # restarts of a trial from its last checkpoint
_KEPT = {"none": 2, "asha": 2, "pbt": 4}  # a population copies checkpoints that are not the last
_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "1",  # a trial that started after the last snapshot is forgotten
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "0",
}


@dataclass(frozen=True)
class TunedTrial:
    """One of Tune's trials at one moment; the numbers are those of its last result."""

    id: str  # Tune's own; unique in its sweep
    seed: int
    sampled: Mapping[str, Any]  # the parameters that the search chose
    checkpoint: Path | None  # the last one that Tune has
    failed: bool  # for good
    finished: bool  # Tune runs it no more
    is_last: bool  # the last result said that none comes after it
    steps: int = 0
    steps_per_second: float = 0.0
    validation_sharpe: float | None = None
    fault: str = ""  # why it cannot begin, or a checkpoint cannot be written


def tuned_trial(trial: Any, result: Mapping[str, Any] | None = None) -> TunedTrial:
    """What a sweep reads of one of Tune's trials.

    Args:
        trial: Tune's own.
        result: A new one, which the trial itself does not know yet.
    """
    last = result or trial.last_result or {}
    return TunedTrial(
        id=trial.trial_id,
        seed=int(trial.config["seed"]),
        sampled=sampled_parameters(trial.config),
        checkpoint=Path(trial.checkpoint.path) if trial.checkpoint else None,
        failed=trial.status == "ERROR",
        finished=trial.is_finished(),
        is_last=bool(last.get("done")),
        steps=int(last.get(TIME, 0)),
        steps_per_second=float(last.get("steps_per_second", 0.0)),
        validation_sharpe=last.get(METRIC),
        fault=last.get(FAULT, ""),
    )


@dataclass
class TrialListener:
    """Turns Tune's callbacks into events, and has each ended trial recorded."""

    report: Report
    record: Callable[[TunedTrial], TrialEnd]  # enters a trial into the ledger
    total_steps: int
    trials: int
    make_room: Callable[[], None]  # on a full disk
    fault: str = ""  # what stops the sweep
    _started: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)  # whose last result ended them
    _numbers: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=time.perf_counter)

    def started(self, trial: TunedTrial) -> None:
        """A trial got its worker, perhaps again."""
        self._started.add(trial.id)
        self._tell("started", trial)

    def progressed(self, trial: TunedTrial) -> None:
        """A trial was evaluated."""
        if not trial.fault:
            if trial.is_last:
                self._done.add(trial.id)
            self._tell("progress", trial)
        elif not self.fault:
            self.fault = trial.fault
            self.make_room()
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C: Tune saves all, and trials can go on

    def ended(self, trial: TunedTrial) -> None:
        """A trial came to its end: by itself, pruned by the scheduler, or failed for good.

        Tune says so, too, of a trial that it stops on Ctrl-C; but then no result had said that the
        trial is done. Such a trial goes on when the sweep is resumed.
        """
        if trial.id in self._done or trial.failed:
            self._tell(self.record(trial), trial)

    def ended_earlier(self, trial: TunedTrial) -> bool:
        """Whether a trial had ended already when this driver came.

        Not so one that waited for its start when Ctrl-C came: Tune calls it terminated.
        """
        over = trial.failed or trial.is_last
        return over and trial.finished and trial.id not in self._started

    def _tell(self, kind: EventKind, trial: TunedTrial) -> None:
        number = self._numbers.setdefault(trial.id, len(self._numbers) + 1)
        self.report(
            SweepEvent(
                kind=kind,
                trial=trial.id,
                number=number,
                trials=self.trials,
                sampled=trial.sampled,
                seed=trial.seed,
                steps=trial.steps,
                total_steps=self.total_steps,
                steps_per_second=trial.steps_per_second,
                validation_sharpe=trial.validation_sharpe,
                elapsed_s=time.perf_counter() - self._began,
            )
        )


def tune_trials(
    home: Home, plan: SweepPlan, listener: TrialListener, ray_session: RaySession, *, resume: bool
) -> list[TunedTrial]:
    """Every trial, when all have ended or Ctrl-C was pressed.

    `tune.run` and not `tune.Tuner`: the Tuner pickles the callbacks with the experiment, and a
    resumed one would report to where the first one did.
    """
    import ray
    from ray import tune

    config = plan.scenario()
    tables = [] if ray_session.owned else broadcast(home, plan)
    cluster = ray.cluster_resources()  # type: ignore[no-untyped-call]
    with _tune_settings():
        analysis = tune.run(
            tune.with_parameters(run_trial, home=home, tables=tables),  # not kept, as a config is
            name=plan.name,
            config=parameter_space(config) | {"sweep": plan.name},
            metric=METRIC,
            mode=MODE,
            stop={TIME: config.training.total_timesteps},
            num_samples=config.search.trials,
            search_alg=search_algorithm(config),
            scheduler=trial_scheduler(config),
            storage_path=str(home.sweeps),
            storage_filesystem=atomic_storage(),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=_KEPT[config.search.scheduler]),
            resources_per_trial=trial_resources(config, cluster),
            max_failures=MAX_FAILURES,
            max_concurrent_trials=plan.max_concurrent,
            reuse_actors=True,
            raise_on_failed_trial=False,
            resume="AUTO" if resume else None,
            callbacks=[tune_callback(listener)],
            trial_dirname_creator=lambda trial: str(trial.trial_id),
            verbose=0,
        )
    return [tuned_trial(trial) for trial in analysis.trials]


def tune_callback(listener: TrialListener) -> Any:
    """The listener in the form that Tune calls."""
    from ray.tune import Callback

    class Forward(Callback):  # type: ignore[misc]  # ray is untyped
        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            listener.started(tuned_trial(trial))

        def on_trial_result(
            self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any
        ) -> None:
            listener.progressed(tuned_trial(trial, result))

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            listener.ended(tuned_trial(trial))

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            listener.ended(tuned_trial(trial))

    return Forward()


@contextmanager
def _tune_settings() -> Iterator[None]:
    """Tune's output and buffering are set by environment variables only; the user's win."""
    added = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
