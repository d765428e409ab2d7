"""What a running sweep tells: one event for each start, evaluation and end of a trial."""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from train.trial import STORAGE_FAULT, sampled_parameters

TrialEnd = Literal["completed", "pruned", "failed"]
EventKind = Literal["started", "progress"] | TrialEnd


@dataclass(frozen=True)
class SweepEvent:
    """Something happened to a trial; numbers are of its last evaluation."""

    kind: EventKind
    trial: str  # its id
    number: int  # 1, 2, ... in the order of their start
    trials: int  # how many there will be
    sampled: Mapping[str, Any]
    seed: int
    steps: int
    total_steps: int  # of this trial
    steps_per_second: float
    validation_sharpe: float | None
    elapsed_s: float  # since the sweep began


Report = Callable[[SweepEvent], None]


@dataclass
class TrialListener:
    """Turns Tune's callbacks into events, and has each ended trial recorded."""

    report: Report
    record: Callable[[Any], TrialEnd]  # enters Tune's trial into the ledger
    total_steps: int
    trials: int
    storage_fault: str = ""  # why a checkpoint could not be written
    _started: set[str] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=time.perf_counter)

    def started(self, trial: Any) -> None:
        """A trial got its worker, perhaps again."""
        self._started.add(trial.trial_id)
        self._tell("started", trial)

    def progressed(self, trial: Any, result: Mapping[str, Any]) -> None:
        """A trial was evaluated; Tune calls this before the trial itself knows the result."""
        if STORAGE_FAULT in result and not self.storage_fault:
            self.storage_fault = result[STORAGE_FAULT]
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C: Tune saves all, and trials can go on
        self._tell("progress", trial, result)

    def ended(self, trial: Any) -> None:
        """A trial came to its end: by itself, pruned by the scheduler, or failed for good."""
        self._tell(self.record(trial), trial)

    def ended_earlier(self, trial: Any) -> bool:
        """Whether a trial had ended already when this driver came."""
        return trial.is_finished() and trial.trial_id not in self._started

    def _tell(self, kind: EventKind, trial: Any, result: Mapping[str, Any] | None = None) -> None:
        last = result or trial.last_result or {}
        number = self._numbers.setdefault(trial.trial_id, len(self._numbers) + 1)
        self.report(
            SweepEvent(
                kind=kind,
                trial=trial.trial_id,
                number=number,
                trials=self.trials,
                sampled=sampled_parameters(trial.config),
                seed=int(trial.config["seed"]),
                steps=int(last.get("num_timesteps", 0)),
                total_steps=self.total_steps,
                steps_per_second=float(last.get("steps_per_second", 0.0)),
                validation_sharpe=last.get("validation_sharpe"),
                elapsed_s=time.perf_counter() - self._began,
            )
        )


def tune_callback(listener: TrialListener) -> Any:
    """The listener in the form that Tune calls."""
    from ray.tune import Callback

    class Forward(Callback):  # type: ignore[misc]  # ray is untyped
        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            listener.started(trial)

        def on_trial_result(
            self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any
        ) -> None:
            listener.progressed(trial, result)

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            listener.ended(trial)

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            listener.ended(trial)

    return Forward()
