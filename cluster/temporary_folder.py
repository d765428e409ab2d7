"""A private Ray's temporary folder, which only its owner's end makes removable."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.locks import is_locked, wait_for_lock

_PREFIX = "ploutos-"
_LOCK = "owner.lock"
_MAX_PARENT_CHARACTERS = 16  # of 107 in a Unix socket path; Ray appends ~65, we up to 24


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder with a short path, removed at the end; those of killed drivers go, too.

    The owner holds a lock on a file inside. A pid would not do: drivers in containers that share
    a temporary folder do not see each other's processes, and would take each other for dead.
    """
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > _MAX_PARENT_CHARACTERS:
        parent = Path("/tmp")
    for folder in parent.glob(f"{_PREFIX}*-*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    folder, lock = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A folder that is locked before anybody can find it by its name, and the lock's handle."""
    draft = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}{os.getpid()}-", dir=parent))
    lock = os.open(draft / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    wait_for_lock(lock)
    return draft.rename(parent / draft.name.removeprefix(".")), lock


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody holds the lock; a folder without one is not ours to judge."""
    lock = folder / _LOCK
    try:
        return lock.exists() and not is_locked(lock)
    except OSError:
        return False
