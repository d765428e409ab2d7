"""A running walk-forward in plain lines: folds, trials, time left."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from apps.cli.output import talk

if TYPE_CHECKING:
    from train.sweep.progress import SweepEvent


class WalkProgress:
    """What the events of all folds say together."""

    def __init__(self, folds: int, trials: int) -> None:
        self._folds, self._trials = folds, trials
        self._share: dict[tuple[int, str], float] = {}  # done of each trial, 0..1
        self._earlier = 0.0  # done before this process came, in trials
        self._ended: set[tuple[int, str]] = set()
        self._began = time.perf_counter()

    def line(self, fold: int, event: "SweepEvent") -> str:
        """One event, with what stands now."""
        from train.sweep.progress import duration, sharpe, short

        self._take(fold, event)
        sampled = " ".join(f"{name}={short(value)}" for name, value in event.sampled.items())
        left = self.seconds_left
        return (
            f"[{duration(self._elapsed)}] fold {fold + 1}/{self._folds} "
            f"trial {event.number}/{event.trials} {event.kind:9} "
            f"{event.steps / event.total_steps:4.0%} validation Sharpe "
            f"{sharpe(event.validation_sharpe)}  (all: {self.ended} of {self.total} trials, "
            f"{'-' if left is None else duration(left)} left)  {sampled} seed={event.seed}"
        )

    @property
    def total(self) -> int:
        """Trials of all folds."""
        return self._folds * self._trials

    @property
    def ended(self) -> int:
        """Trials that have ended, those of folds that were over before included."""
        first = min((fold for fold, _ in self._share), default=0)
        return first * self._trials + len(self._ended)

    @property
    def seconds_left(self) -> float | None:
        """At the pace since this process began; None before the first steps."""
        first = min((fold for fold, _ in self._share), default=0)
        done = sum(self._share.values())
        fresh = done - self._earlier
        if fresh <= 0:
            return None
        left = max(self.total - first * self._trials - done, 0.0)
        return left * self._elapsed / fresh

    @property
    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _take(self, fold: int, event: "SweepEvent") -> None:
        key = (fold, event.trial)
        share = 1.0 if event.has_ended else min(event.steps / event.total_steps, 1.0)
        if key not in self._share:
            self._earlier += event.steps / event.total_steps
        self._share[key] = share
        if event.has_ended:
            self._ended.add(key)


def walk_printer(folds: int, trials: int) -> "Callable[[int, SweepEvent], None]":
    """A report that prints one line an event to stderr; so many trials in each fold."""
    progress = WalkProgress(folds, trials)
    return lambda fold, event: talk(progress.line(fold, event))
