"""How many requests a source allows a minute, whichever of our processes sends them."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from cluster.files import canonical_json, write_atomic
from cluster.locks import locked

MINUTE = 60.0  # seconds
_SMALL = 1e-6  # seconds; a wait that rounding leaves is none


class RateBudget:
    """At most `per_minute` requests in any 60 seconds; whoever asks too early waits.

    Args:
        per_minute: Requests.
        shared: File with the times of the last minute's requests, counted together by all who name
            it; None: those of this process alone.
        clock: Seconds; of all who share, the same, such as the time of day.
        sleep: Waits that many seconds.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        shared: Path | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_minute = per_minute
        self._shared = shared
        self._clock = clock
        self._sleep = sleep
        self._sent: list[float] = []
        self._lock = Lock()

    def take(self) -> None:
        """Wait until one more request may leave, and count it.

        Raises:
            PloutosError: the shared file cannot be written.
        """
        with self._lock:
            while wait := self._wait():
                self._sleep(wait)

    def _wait(self) -> float:
        """Seconds until a request may leave; 0 counts one."""
        if self._shared is None:
            return self._count()
        with locked(self._shared.with_suffix(".lock")):
            self._sent = _read(self._shared)
            wait = self._count()
            if not wait:
                write_atomic(self._shared, canonical_json(self._sent))
        return wait

    def _count(self) -> float:
        now = self._clock()
        # What lies ahead was noted before the clock was set back.
        self._sent = [at for at in self._sent if _SMALL - MINUTE < at - now <= 0.0]
        if len(self._sent) >= self.per_minute:
            return self._sent[-self.per_minute] + MINUTE - now
        self._sent.append(now)
        return 0.0


def _read(path: Path) -> list[float]:
    """Times in ascending order; none when the file is not there or is not ours."""
    try:
        return sorted(float(at) for at in json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return []
