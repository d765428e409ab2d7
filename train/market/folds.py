"""Walk-forward folds over whole trading sessions, with purge and embargo.

Lopez de Prado, Advances in Financial Machine Learning (2018), chapter 7: bars whose outcome
overlaps the next window are purged, and a few sessions more are left out so that serial
correlation does not carry over.
"""

from dataclasses import dataclass

import numpy as np

from cluster.errors import DataError
from envs.arrays import Int64
from envs.window import Window
from train.scenarios.sections import Folds


@dataclass(frozen=True)
class Fold:
    """One step of the walk: windows of whole sessions, in order."""

    index: int
    train: Window
    validation: Window
    test: Window

    def __str__(self) -> str:
        """As a problem's id has hashed it from the first ledger on, so it must stay."""
        windows = {"train": self.train, "validation": self.validation, "test": self.test}
        ranges = (f"{name}=({part.start}, {part.stop})" for name, part in windows.items())
        return f"Fold(index={self.index}, {', '.join(ranges)})"


def walk_forward(session: Int64, config: Folds) -> list[Fold]:
    """Split a clock into folds, oldest first; the test windows tile the end of the clock.

    Args:
        session: (T,) session number of each bar, not decreasing.
        config: sizes in sessions; `purge_bars` is rounded up to whole sessions.

    Raises:
        DataError: too few sessions for what is asked.
    """
    starts = np.flatnonzero(np.diff(session, prepend=session[:1] - 1))  # (S,) first bar of each
    edges = np.append(starts, len(session))  # (S + 1,)
    sessions = len(starts)
    gap = _gap_sessions(edges, config)
    needed = (
        config.train_sessions
        + config.validation_sessions
        + config.count * config.test_sessions
        + 2 * gap
    )
    if sessions < needed:
        raise DataError(
            f"{sessions} sessions are too few for {config.count} fold(s)",
            f"train {config.train_sessions} + validation {config.validation_sessions} + test "
            f"{config.count} x {config.test_sessions} + purge and embargo 2 x {gap} = {needed}",
            "give more bars, or smaller windows in the folds section of the scenario",
        )
    return [_fold(index, edges, gap, config) for index in range(config.count)]


def _gap_sessions(edges: Int64, config: Folds) -> int:
    """Sessions between two windows: enough of the shortest run to cover the purge, + embargo."""
    purge = 0
    while purge < len(edges) - 1 and np.min(edges[purge:] - edges[: len(edges) - purge]) < (
        config.purge_bars
    ):
        purge += 1
    return purge + config.embargo_sessions


def _fold(index: int, edges: Int64, gap: int, config: Folds) -> Fold:
    test_end = len(edges) - 1 - (config.count - 1 - index) * config.test_sessions
    test = test_end - config.test_sessions
    validation_end = test - gap
    validation = validation_end - config.validation_sessions
    train_end = validation - gap
    train = train_end - config.train_sessions if config.scheme == "rolling" else 0

    def bars(low: int, high: int) -> Window:
        return Window(int(edges[low]), int(edges[high]))

    return Fold(
        index=index,
        train=bars(train, train_end),
        validation=bars(validation, validation_end),
        test=bars(test, test_end),
    )
