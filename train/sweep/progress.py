"""What a running sweep tells: one event for each start, evaluation and end of a trial."""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cluster.artifacts import ArtifactStore
from cluster.errors import PloutosError
from cluster.settings import Home
from train.bundle.publish import publish_ledger
from train.sweep.trial import STORAGE_FAULT, sampled_parameters

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
_ENDS = ("completed", "pruned", "failed")


class SweepProgress:
    """What all events together say of a sweep: speed, best so far, time left."""

    def __init__(self) -> None:
        self._last: dict[str, SweepEvent] = {}
        self._first_steps: dict[str, int] = {}  # those taken by an earlier driver

    def add(self, event: SweepEvent) -> None:
        """Take the next event."""
        if event.trial not in self._last:
            self._first_steps[event.trial] = event.steps
        self._last[event.trial] = event

    @property
    def trials(self) -> list[SweepEvent]:
        """The last event of every trial, in the order of their start."""
        return sorted(self._last.values(), key=lambda event: event.number)

    @property
    def ended(self) -> int:
        """How many trials have come to their end."""
        return sum(event.kind in _ENDS for event in self._last.values())

    @property
    def steps_per_second(self) -> float:
        """Environment steps a second of all trials together since this driver began."""
        elapsed = max((event.elapsed_s for event in self._last.values()), default=0.0)
        steps = sum(e.steps - self._first_steps[e.trial] for e in self._last.values())
        return steps / elapsed if elapsed > 0 else 0.0

    @property
    def best(self) -> float | None:
        """The highest validation Sharpe ratio of a single trial so far."""
        known = [
            e.validation_sharpe for e in self._last.values() if e.validation_sharpe is not None
        ]
        return max(known, default=None)

    @property
    def seconds_left(self) -> float | None:
        """At this speed, if no trial is pruned any more; None before the first steps."""
        if not self._last or self.steps_per_second == 0:
            return None
        any_event = next(iter(self._last.values()))
        waiting = any_event.trials - len(self._last)
        left = sum(
            max(e.total_steps - e.steps, 0) for e in self._last.values() if e.kind not in _ENDS
        )
        return (left + waiting * any_event.total_steps) / self.steps_per_second

    def line(self, event: SweepEvent) -> str:
        """An event that was added, in one line, with what stands now."""
        sampled = " ".join(f"{name}={short(value)}" for name, value in event.sampled.items())
        return (
            f"[{event.elapsed_s:6.1f} s] trial {event.number}/{event.trials} {event.kind:9} "
            f"{event.steps:>11,} of {event.total_steps:,} steps "
            f"validation Sharpe {sharpe(event.validation_sharpe)}  "
            f"(all: {self.summary()})  {sampled} seed={event.seed}"
        )

    def summary(self) -> str:
        """Speed, best so far and time left."""
        left = self.seconds_left
        return (
            f"{self.steps_per_second:,.0f} env steps/s, best {sharpe(self.best)}, "
            f"{'-' if left is None else duration(left)} left"
        )


def short(value: Any) -> str:
    """A parameter's value in few characters."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def sharpe(value: float | None) -> str:
    """A Sharpe ratio, "-" where there is none."""
    return "-" if value is None else f"{value:.2f}"


def duration(seconds: float) -> str:
    """As 45s, 12m30s or 3h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


@dataclass
class TrialListener:
    """Turns Tune's callbacks into events, and has each ended trial recorded."""

    report: Report
    record: Callable[[Any], TrialEnd]  # enters Tune's trial into the ledger
    total_steps: int
    trials: int
    make_room: Callable[[], None]  # on a full disk
    storage_fault: str = ""  # why a checkpoint could not be written
    _started: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)  # whose last result ended them
    _numbers: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=time.perf_counter)

    def started(self, trial: Any) -> None:
        """A trial got its worker, perhaps again."""
        self._started.add(trial.trial_id)
        self._tell("started", trial)

    def progressed(self, trial: Any, result: Mapping[str, Any]) -> None:
        """A trial was evaluated; Tune calls this before the trial itself knows the result."""
        if STORAGE_FAULT not in result:
            if result.get("done"):
                self._done.add(trial.trial_id)
            self._tell("progress", trial, result)
        elif not self.storage_fault:
            self.storage_fault = result[STORAGE_FAULT]
            self.make_room()
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C: Tune saves all, and trials can go on

    def ended(self, trial: Any) -> None:
        """A trial came to its end: by itself, pruned by the scheduler, or failed for good.

        Tune says so, too, of a trial that it stops on Ctrl-C; but then no result had said that the
        trial is done. Such a trial goes on when the sweep is resumed.
        """
        if trial.trial_id in self._done or trial.status == "ERROR":
            self._tell(self.record(trial), trial)

    def ended_earlier(self, trial: Any) -> bool:
        """Whether a trial had ended already when this driver came.

        Not so one that waited for its start when Ctrl-C came: Tune calls it terminated.
        """
        over = trial.status == "ERROR" or bool((trial.last_result or {}).get("done"))
        return over and trial.is_finished() and trial.trial_id not in self._started

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


def publishing(store: ArtifactStore, home: Home, report: Report) -> Report:
    """`report`, and the ledger stored after every end of a trial: a killed sweep loses none.

    A store that fails for a while costs a warning here, since the whole ledger is stored again
    at the next end of a trial and at the end of the sweep.
    """

    def reported(event: SweepEvent) -> None:
        report(event)
        if event.kind in _ENDS:
            try:
                publish_ledger(store, home)
            except PloutosError as error:
                print(f"warning: {error}", file=sys.stderr, flush=True)

    return reported
