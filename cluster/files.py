"""Files that are either whole or absent, and the hashes that prove it."""

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster.errors import PloutosError, UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")

_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space (df -h), then run the command again"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, then run the command again"),
    errno.EROFS: ("the file system is read-only", "set PLOUTOS_HOME to a folder you may write"),
    errno.EACCES: ("permission denied", "set PLOUTOS_HOME to a folder you may write"),
    errno.EFBIG: ("the file size limit is reached", "raise it (ulimit -f), then run it again"),
    errno.EEXIST: ("a part of the path is a file", "set PLOUTOS_HOME to a folder you may write"),
    errno.EISDIR: ("it is a folder", "move it away, or set PLOUTOS_HOME to another folder"),
    errno.ENOTDIR: ("a part of the path is a file", "set PLOUTOS_HOME to a folder you may write"),
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full, read-only or forbidden disk into one clear `PloutosError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _ADVICE:
            raise
        why, advice = _ADVICE[error.errno]
        raise PloutosError(f"cannot write {path}", why, advice) from error


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write `data` to `path` so that a reader, or a crash, sees the old file or the new one.

    Raises:
        PloutosError: no space, no permission or a read-only disk; the old file is untouched.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_plain_name(name: str) -> bool:
    """Whether it can be the name of one file or folder, and leads nowhere else."""
    return _NAME.fullmatch(name) is not None


def check_name(name: str, noun: str) -> None:
    """Refuse a name that is to become a file's or a folder's, and is none.

    Raises:
        UsageError: it is none; says what a name is.
    """
    if not is_plain_name(name):
        raise UsageError(
            f"{name!r} is no name for a {noun}",
            "it has up to 100 letters, digits, '_', '.' and '-', a letter or digit first",
            "choose another name",
        )


def newest_first(paths: Iterable[Path], made: Callable[[Path], str | datetime]) -> list[Path]:
    """Paths by when they were made, as their own content says; equal ones by name.

    File times say nothing: a copy or a restore changes them.

    Args:
        paths: Files or folders.
        made: Reads the time, ISO 8601 or as a value. What it cannot read comes last.
    """

    def key(path: Path) -> tuple[datetime, str]:
        try:
            found = made(path)
            moment = datetime.fromisoformat(found) if isinstance(found, str) else found
            return moment.astimezone(UTC), path.name
        except (PloutosError, OSError, ValueError, LookupError, TypeError):
            return datetime.min.replace(tzinfo=UTC), path.name

    return sorted(paths, key=key, reverse=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one JSON text of a value (sorted keys, no spaces, NaN refused), fit for hashing."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return text.encode()
