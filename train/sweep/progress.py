"""What a running sweep tells: one event for each start, evaluation and end of a trial."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cluster.artifacts import ArtifactStore
from cluster.errors import PloutosError
from cluster.settings import Home
from train.bundle.publish import publish_ledger
from train.ledger.record import TrialEnd

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

    @property
    def has_ended(self) -> bool:
        """Whether it is the trial's last event."""
        return self.kind in tuple(TrialEnd)


Report = Callable[[SweepEvent], None]


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
        return sum(event.has_ended for event in self._last.values())

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
        left = sum(max(e.total_steps - e.steps, 0) for e in self._last.values() if not e.has_ended)
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


def publishing(store: ArtifactStore, home: Home, report: Report) -> Report:
    """`report`, and the ledger stored after every end of a trial: a killed sweep loses none.

    A store that fails for a while costs a warning here, since the whole ledger is stored again
    at the next end of a trial and at the end of the sweep.
    """

    def reported(event: SweepEvent) -> None:
        report(event)
        if event.has_ended:
            try:
                publish_ledger(store, home)
            except PloutosError as error:
                print(f"warning: {error}", file=sys.stderr, flush=True)

    return reported
