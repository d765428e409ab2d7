"""Whole trials in processes of their own, at once or alone."""

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

from train.learners.factory import create_learner
from train.learners.spec import LearnerSpec


class TrialProcess:
    """A learner in a new process that trains when it is told to."""

    def __init__(self, spec: LearnerSpec) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, spec), daemon=True)
        self._process.start()
        other.close()

    def start(self, num_steps: int) -> None:
        """Begin to train; `finish` waits for the end."""
        self._connection.send(num_steps)

    def finish(self) -> float:
        """Environment steps a CPU second of what was started."""
        return float(self._connection.recv())

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()


def total_rate(trials: Sequence[TrialProcess], num_steps: int) -> float:
    """Let all train at once; their environment steps a second, summed.

    A process's second is a CPU second: where each has a core of its own that is the wall's, and
    what they take from each other (memory bandwidth, caches, clock) shows in it as well.
    """
    for trial in trials:
        trial.start(num_steps)
    return sum(trial.finish() for trial in trials)


def _serve(connection: Connection, spec: LearnerSpec) -> None:
    learner = create_learner(spec)
    try:
        while True:
            num_steps = connection.recv()
            before, began = learner.num_timesteps, time.process_time()
            learner.train(num_steps)
            connection.send((learner.num_timesteps - before) / (time.process_time() - began))
    except EOFError:  # the other end was closed
        learner.close()
