"""The journal's line format: one record a line, each chained to the one before by SHA-256."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from cluster.errors import DataError
from cluster.files import canonical_json

GENESIS: Final = "0" * 64
KINDS: Final = frozenset(
    {
        "session_started",
        "decision",
        "intent",
        "order",
        "fill",
        "rejection",
        "denial",
        "protection",
        "handover",
        "mark",
        "halt",
        "session_ended",
    }
)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a journal.

    Args:
        seq: 0, 1, 2, ... without a gap.
        ts: When it was written, ISO 8601 in UTC.
        kind: One of `KINDS`; the key `type` of the line.
        payload: What happened.
        prev: `hash` of the record before, `GENESIS` for the first.
        hash: SHA-256 over the canonical JSON of the five fields above.
    """

    seq: int
    ts: str
    kind: str
    payload: dict[str, Any]
    prev: str
    hash: str

    @classmethod
    def chained(
        cls, prev: "Record | None", ts: str, kind: str, payload: dict[str, Any]
    ) -> "Record":
        """The record that follows `prev`."""
        if kind not in KINDS:
            raise ValueError(f"unknown record type {kind}")
        seq, before = (prev.seq + 1, prev.hash) if prev else (0, GENESIS)
        body = {"seq": seq, "ts": ts, "type": kind, "payload": payload, "prev": before}
        return cls(seq, ts, kind, payload, before, _digest(body))

    def line(self) -> bytes:
        """The record's line, with the newline that says that it is whole."""
        return canonical_json(self._body() | {"hash": self.hash}) + b"\n"

    def _body(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "ts": self.ts,
            "type": self.kind,
            "payload": self.payload,
            "prev": self.prev,
        }


def parse_lines(data: bytes, origin: str) -> tuple[list[Record], int]:
    """Read every whole record of a journal's bytes.

    Args:
        data: The file's content.
        origin: Its name, for errors.

    Returns:
        The records, and how many bytes they take; bytes after that are a torn last write.

    Raises:
        DataError: a line other than a torn last one is damaged; says which.
    """
    records: list[Record] = []
    *lines, tail = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        records.append(_parse(line, records[-1] if records else None, number, origin))
    if _ends_in_damage(tail, records[-1] if records else None):
        raise _damage(origin, len(lines) + 1, "its newline was overwritten")
    return records, len(data) - len(tail)


def _ends_in_damage(tail: bytes, prev: Record | None) -> bool:
    """A torn write is a prefix of a record; a whole record and another byte is damage."""
    try:
        _parse(tail[:-1], prev, 0, "")
    except DataError:
        return False
    return True


def _parse(line: bytes, prev: Record | None, number: int, origin: str) -> Record:
    try:
        fields = json.loads(line)
        record = Record(
            seq=fields["seq"],
            ts=fields["ts"],
            kind=fields["type"],
            payload=fields["payload"],
            prev=fields["prev"],
            hash=fields["hash"],
        )
        expected = Record.chained(prev, record.ts, record.kind, record.payload)
        whole = record == expected and record.line() == line + b"\n"
    except (ValueError, KeyError, TypeError) as error:
        raise _damage(origin, number, f"it is no journal record ({error})") from error
    if not whole:
        raise _damage(origin, number, "its hash does not fit its content and the line before")
    return record


def _damage(origin: str, number: int, why: str) -> DataError:
    return DataError(
        f"{origin} is damaged at line {number}",
        why,
        "restore the file from a copy, or start a new session with another journal",
    )


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body)).hexdigest()
