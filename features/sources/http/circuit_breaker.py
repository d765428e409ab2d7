"""A circuit breaker: a source that keeps failing is left alone for a while."""

import time
from collections.abc import Callable

from features.sources.http.errors import SourceDown


class CircuitBreaker:
    """Opens after `failures` in a row; after `rest_s` seconds one request may try again.

    That one closes it when it succeeds, and opens it for another rest when it fails.
    """

    def __init__(
        self,
        source: str,
        *,
        failures: int = 3,
        rest_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = source
        self.failures = failures
        self.rest_s = rest_s
        self._clock = clock
        self._in_a_row = 0
        self._opened: float | None = None
        self._last = ""

    def check(self) -> None:
        """Let a request pass.

        Raises:
            SourceDown: the breaker is open.
        """
        if self._opened is None:
            return
        rest = self._opened + self.rest_s - self._clock()
        if rest > 0:
            why = f"{self._in_a_row} failures in a row, the last: {self._last}; "
            raise SourceDown(self.source, f"{why}not asked for {rest:.0f} s", again=False)

    def succeeded(self) -> None:
        """The source answered."""
        self._in_a_row = 0
        self._opened = None

    def failed(self, why: str) -> None:
        """The source did not answer."""
        self._in_a_row += 1
        self._last = why
        if self._in_a_row >= self.failures:
            self._opened = self._clock()
