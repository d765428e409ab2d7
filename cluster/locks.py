"""Locks on files that end with the process that holds them, however it ends (`flock`)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

from cluster.errors import LockedError
from cluster.files import storage_errors

_POLL_S = 0.005  # writers hold a lock for a few milliseconds


@contextmanager
def locked(path: Path, *, busy: LockedError | None = None) -> Iterator[None]:
    """Be the only holder of a lock file, which is made, with its folder, and stays.

    Args:
        path: The file; it holds nothing.
        busy: Raised at once where another holds it; without it, waits.

    Raises:
        LockedError: `busy`.
        PloutosError: no permission, or a read-only disk.
    """
    lock = FileLock(path, thread_local=False, fallback_to_soft=False, poll_interval=_POLL_S)
    try:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=busy is None)
    except Timeout:
        assert busy is not None, "who waits has no time-out"
        raise busy from None
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether anybody holds a lock file now; nobody holds one that is not there.

    Raises:
        OSError: it is not ours to open.
    """
    try:
        # A reader may not write; but where it may, network disks lock no file that is only read.
        handle = os.open(
            path, (os.O_RDWR if os.access(path, os.W_OK) else os.O_RDONLY) | os.O_CLOEXEC
        )
    except FileNotFoundError:
        return False
    try:
        return not try_lock(handle)
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Lock an open file for as long as it is open; False when another has it open and locked."""
    return lock_descriptor(handle, blocking=False)


def wait_for_lock(handle: int) -> None:
    """Lock an open file for as long as it is open, once nobody else does."""
    lock_descriptor(handle, poll_interval=_POLL_S)
