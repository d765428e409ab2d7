"""Who drives a sweep, and where it stands: what lies in its folder beside the trials."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from cluster.atomic_filesystem import remove_partial
from cluster.errors import LockedError
from cluster.files import canonical_json, write_atomic
from cluster.locks import is_locked, locked
from cluster.settings import Home
from train.sweep.plan_file import resume_command

NOTE_FILE = "RESUME.txt"
_LOCK_FILE = "driver.lock"
_END_FILE = "finished.json"
_RESERVE_FILE = "reserve.bin"
_RESERVE_BYTES = 1 << 20  # Tune's state of a hundred trials takes a tenth of it

Standing = Literal["running", "interrupted", "finished"]


@dataclass(frozen=True)
class SweepState:
    """Where a sweep stands, as its folder tells."""

    standing: Standing
    bundle: str = ""  # of a finished one: the folder of the best policy
    next_command: str = ""  # of an interrupted one


@contextmanager
def driving(home: Home, name: str) -> Iterator[None]:
    """Be the only driver of a sweep.

    The note is there from the start, for whoever finds the folder after a power cut; the lock
    ends with the process, however that ends.

    Raises:
        LockedError: another process drives it.
    """
    folder = home.sweeps / name
    busy = LockedError(f"sweep {name} is running", "another process drives it", "ploutos tune list")
    with locked(folder / _LOCK_FILE, busy=busy):
        try:
            remove_partial(folder)
            if not (folder / _END_FILE).exists():
                write_atomic(folder / NOTE_FILE, f"{resume_command(home, name)}\n".encode())
            write_atomic(folder / _RESERVE_FILE, bytes(_RESERVE_BYTES))
            yield
        finally:
            free_reserve(home, name)


def free_reserve(home: Home, name: str) -> None:
    """Make room on a full disk for the state that a resumed sweep starts from."""
    (home.sweeps / name / _RESERVE_FILE).unlink(missing_ok=True)


def finish(home: Home, name: str, bundle: Path) -> None:
    """Note that nothing is left to do; `bundle` lies in the home, which may be moved."""
    folder = home.sweeps / name
    place = bundle.relative_to(home.root).as_posix()
    write_atomic(folder / _END_FILE, canonical_json({"bundle": place}))
    (folder / NOTE_FILE).unlink(missing_ok=True)


def sweep_state(home: Home, name: str) -> SweepState:
    """Where a sweep stands now."""
    folder = home.sweeps / name
    if is_locked(folder / _LOCK_FILE):
        return SweepState("running")
    if (folder / _END_FILE).is_file():
        noted = json.loads((folder / _END_FILE).read_bytes())["bundle"]
        return SweepState("finished", bundle=str(_inside(home, noted)))
    return SweepState("interrupted", next_command=resume_command(home, name))


def _inside(home: Home, noted: str) -> Path:
    """A bundle of this home; older notes have its whole path, as the home was called then."""
    parts = PurePosixPath(noted).parts
    if noted.startswith("/"):  # .../bundles/<id>, or .../sweeps/<walk>/policies/<id>
        parts = parts[-2:] if parts[-2] == "bundles" else parts[-4:]
    return home.root.joinpath(*parts)
