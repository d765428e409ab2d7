"""Append-only files of JSON lines in which each line holds the hash of the one before.

`Links` is the form of the lines: the ledger's count rows from 1 and are hashed from outside, those
of a trading journal count from 0 and bear their own hash. It writes, reads and verifies both.

`HashChain` is a file that several processes write to. Beside it lies its head, `<name>.head`: how
many lines there were and the hash of the last. The chain finds lines that were changed, moved or
taken out; the head, those cut off at the end. Writers hold a lock on the file, and a line is on the
disk before the next one is begun.

What a crash leaves: a torn last line, which the next writer cuts off and no reader counts; a head
that is behind, which the next writer moves on. What no chain finds: file and head written anew by
someone who means to. It is no signature.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cluster.files import canonical_json, storage_errors, sync_folder, write_atomic
from cluster.locks import wait_for_lock

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


START = Head(0, GENESIS)  # of a chain without rows


@dataclass(frozen=True)
class Links:
    """The form of a chain's lines.

    Args:
        name: field that names a row to a reader, such as `trial_id`.
        number: field that counts the rows.
        first: its value in the first row.
        seal: field with the hash of the row's other fields, which tells of a change by itself.
            Without one ("") a row's hash is that of its whole line, and the next row tells.
    """

    name: str
    number: str = "row"
    first: int = 1
    seal: str = ""

    def link(self, fields: Mapping[str, Any], end: Head) -> Row:
        """The row that follows `end`; a NaN is a ValueError."""
        row = {**fields, self.number: self.first + end.rows, "prev": end.hash}
        return row | {self.seal: _hash(canonical_json(row))} if self.seal else row

    def read(self, data: bytes) -> "Lines":
        """A file's content."""
        *lines, torn = data.split(b"\n")
        return Lines(self, lines, torn)

    def parse(self, line: bytes) -> Row | str:
        """What a line says, or why it says nothing that holds by itself."""
        row = _parse(line)
        if row is None:
            return "it cannot be read"
        return row if not self.seal or self._is_sealed(row, line) else "it was changed"

    def _is_sealed(self, row: Row, line: bytes) -> bool:
        body = {key: value for key, value in row.items() if key != self.seal}
        try:
            return line == canonical_json(body | {self.seal: _hash(canonical_json(body))})
        except ValueError:  # NaN, or half a character
            return False

    def place(self, row: Row) -> int:
        """The row that a line says it is, counted from 1; 0 where it says none."""
        number = row.get(self.number)
        return number - self.first + 1 if isinstance(number, int) else 0

    def hash_of(self, row: Row, line: bytes) -> str:
        """What the next row has as `prev`."""
        return str(row.get(self.seal)) if self.seal else _hash(line)


@dataclass(frozen=True)
class Lines:
    """A chain as it was read; no head is looked at.

    Args:
        links: their form.
        lines: those that a line feed ends, without it.
        torn: what follows the last line feed: a write that a crash cut short.
    """

    links: Links
    lines: list[bytes]
    torn: bytes

    def rows(self) -> list[Row]:
        """Every row that can be read, oldest first."""
        return _readable(self.lines)

    def faults(self) -> list[Fault]:
        """Every row that was changed, moved or taken out, by its number."""
        parsed = [self.links.parse(line) for line in self.lines]
        faults = [Fault(n, row) for n, row in enumerate(parsed, 1) if isinstance(row, str)]
        faults += self._order_faults(parsed)
        if self.links.seal and not isinstance(self.links.parse(self.torn[:-1]), str):
            # A torn write is a part of a row; a whole row and another byte is damage.
            faults.append(Fault(len(self.lines) + 1, "its line feed was overwritten"))
        return sorted(faults, key=lambda fault: fault.row)

    def _order_faults(self, parsed: Sequence[Row | str]) -> Iterator[Fault]:
        """Rows that are missing between others, out of place, or unlike what the next one says."""
        links = self.links
        read = [
            (row, line)
            for row, line in zip(parsed, self.lines, strict=True)
            if not isinstance(row, str)
        ]
        present = {links.place(row) for row, _ in read}
        last, before = 0, GENESIS
        for row, line in read:
            place = links.place(row)
            called = f"{links.name} {row.get(links.name)}"
            if place <= last:
                yield Fault(place, f"{called} is out of place: it stands after row {last}")
            for gone in range(last + 1, place):
                if gone not in present:
                    yield Fault(gone, f"missing: the next one is row {place}, {called}")
            if place == last + 1 and row.get("prev") != before:
                yield Fault(last or 1, f"changed, or row {place}, {called}, was")
            if place > last:
                last, before = place, links.hash_of(row, line)


class HashChain:
    """The chain in one file; any number of processes may append at the same time.

    Args:
        path: the file.
        name: of the field that names a row to a reader, such as `trial_id`.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.links = Links(name)

    @contextmanager
    def writing(self) -> Iterator["ChainWriter"]:
        """Hold the lock; the folder is made where it is missing.

        Raises:
            PloutosError: no space or no permission.
        """
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                wait_for_lock(file.fileno())
                yield ChainWriter(self, file)

    def rows(self) -> list[Row]:
        """Every whole row that can be read, oldest first; what is wrong with the rest: `faults`."""
        return self._read()[0].rows()

    def faults(self) -> list[Fault]:
        """Every row that was changed, moved or taken out; empty for a whole chain, or for none."""
        chained, head = self._read()
        faults = [*chained.faults(), *self._head_faults(chained.lines, head)]
        return sorted(faults, key=lambda fault: fault.row)

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

    def _read(self) -> tuple[Lines, Head | None]:
        """Lines and head as they stand between two writers."""
        if not self.path.is_file():
            return self.links.read(b""), self.stored_head()
        with self.path.open("rb") as file:
            wait_for_lock(file.fileno())
            return self.links.read(file.read()), self.stored_head()

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
        chained = chain.links.read(data)
        self._lines = chained.lines
        if chained.torn:  # a killed writer's last line
            file.truncate(len(data) - len(chained.torn))
        if not self._lines and not chain.head_path.exists():
            self._write_head()

    def rows(self) -> list[Row]:
        """As `HashChain.rows`."""
        return _readable(self._lines)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, each a mapping of plain JSON values, and put them on the disk."""
        if not rows:
            return
        sound = self._head_is_sound()
        added = b""
        for row in rows:
            end = _end_of(self._lines)
            line = canonical_json(self._chain.links.link(row, end))
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


def _readable(lines: Sequence[bytes]) -> list[Row]:
    return [row for row in map(_parse, lines) if row is not None]


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
