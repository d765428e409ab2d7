"""How many requests a source allows a minute."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

MINUTE = 60.0  # seconds


class RateBudget:
    """At most `per_minute` requests in any 60 seconds; whoever asks too early waits.

    Args:
        per_minute: Requests.
        clock: Monotonic seconds.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._sleep = sleep
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._lock = Lock()

    def take(self) -> None:
        """Wait until one more request may leave, and count it."""
        with self._lock:
            if len(self._sent) == self.per_minute:
                wait = self._sent[0] + MINUTE - self._clock()
                if wait > 0:
                    self._sleep(wait)
            self._sent.append(self._clock())
