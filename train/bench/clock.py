"""Rates of several contenders, measured in turns so that the machine's load meets all alike."""

import time
from collections.abc import Callable, Mapping

Clock = Callable[[], float]  # seconds
Slice = Callable[[], int]  # does a piece of work; returns its environment steps


def best_rates(
    contenders: Mapping[str, Slice], rounds: int, clock: Clock = time.process_time
) -> dict[str, float]:
    """Steps a second of each contender, the best of `rounds` slices; a first one warms up.

    Whatever else runs on the machine only ever slows a slice down. The default clock counts this
    process's CPU seconds: on a busy machine, what wall time would be on an idle one. Contenders
    that work in several processes need a wall clock.
    """
    for work in contenders.values():
        work()
    rates = dict.fromkeys(contenders, 0.0)
    for _ in range(rounds):
        for name, work in contenders.items():
            rates[name] = max(rates[name], rate(work, clock))
    return rates


def rate(work: Slice, clock: Clock) -> float:
    """Steps a second of one slice."""
    began = clock()
    steps = work()
    return steps / (clock() - began)
