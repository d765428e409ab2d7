"""How a source is asked: breaker, rate budget, deadline and retries, the same for all of them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from features.sources.http.circuit_breaker import CircuitBreaker
from features.sources.http.errors import SourceDown
from features.sources.http.rate_limit import RateBudget

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long one answer of a source is waited for."""

    deadline_s: float = 10.0  # for one answer: all its attempts and the pauses between them
    attempts: int = 3
    pause_s: float = 0.5  # the longest first pause; it doubles with every attempt


@dataclass(frozen=True)
class Clock:
    """Where time comes from, and the luck of the pauses."""

    monotonic: Callable[[], float] = time.monotonic  # seconds
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random  # [0, 1)
    wall: Callable[[], float] = time.time  # seconds, the same in all processes


class Transport:
    """Every request of one source goes through here, reads only.

    Args:
        source: Its name, for messages.
        per_minute: Requests that it allows a minute.
        shared: File by which processes count them together; None: each its own.
        patience: How long an answer is waited for; waiting for the budget does not count.
        clock: Where time comes from.
    """

    def __init__(
        self,
        source: str,
        *,
        per_minute: int,
        shared: Path | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.source = source
        self.patience = patience or Patience()
        self._clock = clock or Clock()
        self._budget = RateBudget(
            per_minute, shared=shared, clock=self._clock.wall, sleep=self._clock.sleep
        )
        self._breaker = CircuitBreaker(source, clock=self._clock.monotonic)

    def ask(self, exchange: Callable[[float], T]) -> T:
        """Get one answer.

        Args:
            exchange: Sends one request and returns its checked answer, within the seconds given.

        Raises:
            SourceDown: no usable answer in time, or the breaker is open.
            PloutosError: any other that `exchange` raises; it is an answer, and not tried again.
        """
        self._breaker.check()
        try:
            answer = self._attempts(exchange)
        except SourceDown as failure:
            self._breaker.failed(failure.why)
            raise
        self._breaker.succeeded()
        return answer

    def _attempts(self, exchange: Callable[[float], T]) -> T:
        left = self.patience.deadline_s
        attempt = 0
        while True:
            attempt += 1
            self._budget.take()
            begun = self._clock.monotonic()
            try:
                return exchange(left)
            except SourceDown as failure:
                left -= self._clock.monotonic() - begun
                pause = self._pause(attempt, failure)
                if not failure.again or attempt >= self.patience.attempts or pause >= left:
                    raise
            self._clock.sleep(pause)
            left -= pause

    def _pause(self, attempt: int, failure: SourceDown) -> float:
        """Seconds: what the source asks for, else exponential with full jitter."""
        if failure.wait_s is not None:
            return failure.wait_s
        ceiling: float = self.patience.pause_s * 2 ** (attempt - 1)
        return ceiling * self._clock.random()
