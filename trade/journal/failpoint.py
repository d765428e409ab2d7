"""Places where a test ends the process as `kill -9` would."""

import os
import signal
from typing import Final

VARIABLE: Final = "PLOUTOS_FAILPOINT"  # "<name>:<nth>": die the nth time that name is reached

_reached: dict[str, int] = {}


def failpoint(name: str) -> None:
    """Die here by SIGKILL when `PLOUTOS_FAILPOINT` asks for it; else do nothing."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    target, _, nth = wanted.partition(":")
    if target != name:
        return
    _reached[name] = _reached.get(name, 0) + 1
    if _reached[name] == int(nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
