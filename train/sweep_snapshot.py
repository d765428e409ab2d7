"""Tune's own state of a sweep, kept a second time.

Tune rewrites its state in place, every second: a driver that is killed, or a disk that gets full,
in the middle of that leaves a torn file, from which Tune cannot go on.
"""

import json
import pickle
from pathlib import Path

from cluster.files import write_atomic
from cluster.settings import Home

TRIALS = "trials"  # Tune's folder in a sweep's; Tune copies and rewrites all that lies in it
_KEPT = "state"
_FILES = ("experiment_state-*.json", "search_gen_state-*.json", "searcher-state-*.pkl")


def keep_state(home: Home, name: str) -> None:
    """Copy Tune's state as it is now, unless it is being rewritten."""
    found = {path.name: _sound_bytes(path) for path in _state_files(home, name)}
    if not found or None in found.values():
        return
    for file, data in found.items():
        assert data is not None
        write_atomic(home.sweeps / name / _KEPT / file, data)


def mend_state(home: Home, name: str) -> None:
    """Before a sweep goes on: put the copy in the place of a state that was torn."""
    files = _state_files(home, name)
    if all(_sound_bytes(path) is not None for path in files):
        return
    for path in files:
        path.unlink()
    for path in (home.sweeps / name / _KEPT).glob("*"):
        write_atomic(home.sweeps / name / TRIALS / path.name, path.read_bytes())


def _state_files(home: Home, name: str) -> list[Path]:
    folder = home.sweeps / name / TRIALS
    return [path for pattern in _FILES for path in sorted(folder.glob(pattern))]


def _sound_bytes(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
        if path.suffix == ".json":
            json.loads(data)
        else:
            pickle.loads(data)  # written by Tune, which reads it in the same way
    except (OSError, ValueError, EOFError, pickle.UnpicklingError):
        return None
    return data
