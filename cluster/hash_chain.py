"""An append-only file of JSON lines in which each line holds the hash of the one before.

Beside the file lies its head, `<name>.head`: how many lines there were and the hash of the last.
The chain finds lines that were changed, moved or taken out; the head, those cut off at the end.
Writers hold a lock on the file, and a line is on the disk before the next one is begun.

What a crash leaves: a torn last line, which the next writer cuts off and no reader counts; a head
that is behind, which the next writer moves on. What no chain finds: file and head written anew by
someone who means to. It is no signature.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cluster.files import canonical_json, storage_errors, sync_folder, write_atomic

GENESIS = "0" * 64  # what the first line follows
Row = dict[str, Any]


@dataclass(frozen=True)
class Head:
    """The end of a chain: its number of rows and the hash of the last one."""

    rows: int
    hash: str


@dataclass(frozen=True)
class Fault:
    """A row that is not what was written; rows count from 1."""

    row: int
    what: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.what}"


class HashChain:
    """The chain in one file; any number of processes may append at the same time.

    Args:
        path: the file.
        name: of the field that names a row to a reader, such as `trial_id`.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self._name = name

    @contextmanager
    def writing(self) -> Iterator["ChainWriter"]:
        """Hold the lock; the folder is made where it is missing.

        Raises:
            PloutosError: no space or no permission.
        """
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield ChainWriter(self, file)

    def rows(self) -> list[Row]:
        """Every whole row that can be read, oldest first; what is wrong with the rest: `faults`."""
        parsed = (_parse(line) for line in self._lines())
        return [row for row in parsed if row is not None]

    def faults(self) -> list[Fault]:
        """Every row that was changed, moved or taken out; empty for a whole chain, or for none."""
        lines, head = self._read()
        rows = [_parse(line) for line in lines]
        faults = [Fault(n, "it cannot be read") for n, row in enumerate(rows, 1) if row is None]
        read = [(row, line) for row, line in zip(rows, lines, strict=True) if row is not None]
        return sorted(
            [*faults, *self._order_faults(read), *self._head_faults(lines, head)],
            key=lambda fault: fault.row,
        )

    @property
    def head_path(self) -> Path:
        """The file that holds the head."""
        return self.path.with_name(f"{self.path.name}.head")

    def stored_head(self) -> Head | None:
        """The head as a writer left it; None without one, or where it cannot be read."""
        try:
            told = json.loads(self.head_path.read_bytes())
            return Head(int(told["rows"]), str(told["hash"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _lines(self) -> list[bytes]:
        return self._read()[0]

    def _read(self) -> tuple[list[bytes], Head | None]:
        """Lines and head as they stand between two writers."""
        if not self.path.is_file():
            return [], self.stored_head()
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return whole_lines(file.read()), self.stored_head()

    def _order_faults(self, read: Sequence[tuple[Row, bytes]]) -> Iterator[Fault]:
        """Rows that are missing between others, out of place, or unlike what the next one says."""
        present = {row.get("row") for row, _ in read}
        last, before = 0, GENESIS
        for row, line in read:
            number = row["row"] if isinstance(row.get("row"), int) else 0
            called = f"{self._name} {row.get(self._name)}"
            if number <= last:
                yield Fault(number, f"{called} is out of place: it stands after row {last}")
            for gone in range(last + 1, number):
                if gone not in present:
                    yield Fault(gone, f"missing: the next one is row {number}, {called}")
            if number == last + 1 and row.get("prev") != before:
                yield Fault(last or 1, f"changed, or row {number}, {called}, was")
            if number > last:
                last, before = number, _hash(line)

    def _head_faults(self, lines: Sequence[bytes], head: Head | None) -> list[Fault]:
        if head is None:
            missing = "the chain's head is missing, or cannot be read"
            return [Fault(len(lines), missing)] if lines or self.head_path.exists() else []
        if head.rows > len(lines):
            gone = f"missing, with all up to row {head.rows}: they were cut off the end"
            return [Fault(len(lines) + 1, gone)]
        if _hash_at(lines, head.rows) != head.hash:
            changed = "changed: it is not the row that the chain's head tells of"
            return [Fault(head.rows, changed)]
        return []


class ChainWriter:
    """The chain while its lock is held."""

    def __init__(self, chain: HashChain, file: BinaryIO) -> None:
        self._chain = chain
        self._file = file
        file.seek(0)
        data = file.read()
        self._lines = whole_lines(data)
        whole = sum(len(line) + 1 for line in self._lines)
        if whole < len(data):  # a killed writer's last line
            file.truncate(whole)
        if not self._lines and not chain.head_path.exists():
            self._write_head()

    def rows(self) -> list[Row]:
        """As `HashChain.rows`."""
        return [row for row in map(_parse, self._lines) if row is not None]

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, each a mapping of plain JSON values, and put them on the disk."""
        if not rows:
            return
        sound = self._head_is_sound()
        added = b""
        for row in rows:
            end = _end_of(self._lines)
            line = canonical_json({**row, "row": end.rows + 1, "prev": end.hash})
            self._lines.append(line)
            added += line + b"\n"
        self._file.write(added)
        self._file.flush()
        os.fsync(self._file.fileno())
        if sound:
            self._write_head()

    def _head_is_sound(self) -> bool:
        """A head that tells of damage stays as it is: no writer may hide what happened."""
        head = self._chain.stored_head()
        return head is not None and _hash_at(self._lines, head.rows) == head.hash

    def _write_head(self) -> None:
        head = _end_of(self._lines)
        write_atomic(self._chain.head_path, canonical_json({"rows": head.rows, "hash": head.hash}))
        sync_folder(self._chain.path.parent)


def whole_lines(data: bytes) -> list[bytes]:
    """The lines that end in a line feed, without it; what follows the last one is torn."""
    return data.split(b"\n")[:-1]


def _parse(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _hash_at(lines: Sequence[bytes], rows: int) -> str:
    """Hash of the last of the first `rows` lines; "" where there are not so many."""
    if rows == 0:
        return GENESIS
    return _hash(lines[rows - 1]) if 0 < rows <= len(lines) else ""


def _end_of(lines: Sequence[bytes]) -> Head:
    return Head(len(lines), _hash_at(lines, len(lines)))
