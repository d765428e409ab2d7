"""The append-only journal: on disk before an order leaves, whole after any crash, one writer."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cluster.closing import Closing
from cluster.errors import DataError, LockedError, PloutosError
from cluster.files import sync_folder
from cluster.locks import try_lock
from trade.journal.events import Event
from trade.journal.journal_format import Record, parse_lines

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock of the journal."""
    return datetime.now(UTC)


class Journal(Closing):
    """The one writer of a journal file.

    Opening takes the file's lock, reads what is there, and cuts off a torn last write.

    Args:
        path: The file; made, with its folder, when absent.
        clock: Stamps the records.

    Raises:
        LockedError: another process writes this journal.
        DataError: the file is damaged anywhere but in a torn last write.
        PloutosError: it cannot be created.
    """

    def __init__(self, path: Path, clock: Clock = utc_now) -> None:
        self.path = path
        self._clock = clock
        self._handle = _open(path)
        try:
            _lock(self._handle, path)
            self.recovered, self._size = parse_lines(path.read_bytes(), str(path))
            os.ftruncate(self._handle, self._size)
        except BaseException:
            os.close(self._handle)
            raise
        self._last = self.recovered[-1] if self.recovered else None

    def append(self, event: Event) -> Record:
        """Write one record.

        A durable event survives a power cut once this call returns (`fsync`); any other one
        survives the death of this process.

        Raises:
            PloutosError: it could not be written; the file is as it was before the call.
        """
        record = Record.chained(self._last, self._clock().isoformat(), event)
        line = record.line()
        try:
            _write_whole(self._handle, line)
            if event.durable:
                os.fsync(self._handle)
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            raise _unwritable(self.path, error) from error
        self._last, self._size = record, self._size + len(line)
        return record

    def close(self) -> None:
        """Make everything durable and free the lock."""
        os.fsync(self._handle)
        os.close(self._handle)


def read_journal(path: Path) -> list[Record]:
    """Read a journal without locking or changing it; a torn last write is left out.

    Raises:
        DataError: there is no such file, or it is damaged; names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise DataError(f"cannot read journal {path}", why, "ploutos trade replay") from error
    return parse_lines(data, str(path))[0]


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    return handle


def _lock(handle: int, path: Path) -> None:
    if not try_lock(handle):
        raise LockedError(
            f"journal {path} is in use",
            "another process is writing this session",
            "wait for it to end, or name another --session",
        )


def _write_whole(handle: int, line: bytes) -> None:
    """A write may be short: go on until the line is out or the disk refuses."""
    while line:
        line = line[os.write(handle, line) :]


def _unwritable(path: Path, error: OSError) -> PloutosError:
    advice = {
        errno.EACCES: "set PLOUTOS_HOME to a folder you may write",
        errno.EROFS: "set PLOUTOS_HOME to a folder you may write",
    }.get(error.errno or 0, "free some space (df -h), then resume the session with --resume")
    return PloutosError(f"cannot write journal {path}", error.strerror or str(error), advice)
