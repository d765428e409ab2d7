"""What is dear to start is started once for all files that use it, and ends with the last of them.

Files that name one of `SHARED` form a group, any other file is one by itself. A group runs in one
go in one process, however many processes there are.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from typing import Any

from places import ROOT

SHARED = ("local_ray", "ray_head", "chromium")  # fixtures
_running: dict[str, Any] = {}
_ends = ExitStack()


def once(start: Callable[[], AbstractContextManager[Any]]) -> Any:
    """What this context gives; it is entered at the first call of a group and left with it."""
    name = start.__qualname__
    if name not in _running:
        _running[name] = _ends.enter_context(start())
    return _running[name]


def end_group() -> None:
    """Leave all that `once` entered."""
    _running.clear()
    _ends.close()


@cache
def group_of(nodeid: str) -> str:
    """Group of a test: the name of the shared fixture, or of its file."""
    file = nodeid.partition("::")[0]
    text = (ROOT / file).read_text()
    return next((fixture for fixture in SHARED if fixture in text), file)


@cache
def place_of(nodeid: str) -> int:
    """When it runs: groups that share first, then files with slow tests, then the others."""
    group = group_of(nodeid)
    if group in SHARED:
        return SHARED.index(group)
    slow = "pytest.mark.slow" in (ROOT / group).read_text()
    return len(SHARED) + (not slow)
