"""A Market on disk: one folder of .npy files and a header, whole or absent, memory-mapped back."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import DataError
from cluster.files import canonical_json, storage_errors, sync_folder

HEADER = "market.json"
SCHEMA = 1


def write(target: Path, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Path:
    """Write `arrays` and `header` into the new folder `target`; an existing one is reused.

    Raises:
        PloutosError: no space or no permission; `target` does not exist then.
    """
    if (target / HEADER).is_file():
        return target
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        try:
            for name, array in arrays.items():
                with (staging / f"{name}.npy").open("wb") as file:
                    np.save(file, array, allow_pickle=False)
                    file.flush()
                    os.fsync(file.fileno())
            (staging / HEADER).write_bytes(canonical_json({"schema": SCHEMA, **header}))
            staging.chmod(0o755)
            _publish(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        sync_folder(target.parent)
    return target


def _publish(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError:
        # Another process won the race with the same content, which the name is the hash of.
        if not (target / HEADER).is_file():
            raise


def read(path: Path, types: dict[str, str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and memory-mapped read-only arrays of a folder that `write` made.

    Raises:
        DataError: the folder is no saved Market, or an array does not match the header.
    """
    try:
        header = json.loads((path / HEADER).read_bytes())
        if header["schema"] != SCHEMA:
            raise ValueError(f"schema {header['schema']}, not {SCHEMA}")
        # A plain array over the mapping: numba would compile a second kernel for np.memmap.
        arrays = {
            name: np.asarray(np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False))
            for name in header["shapes"]
        }
        for name, array in arrays.items():
            if list(array.shape) != header["shapes"][name] or array.dtype != types[name]:
                raise ValueError(f"{name} is {array.dtype} {array.shape}")
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(
            f"{path} is not a saved Market", str(error), "move the folder away and save it again"
        ) from error
    return header, arrays
