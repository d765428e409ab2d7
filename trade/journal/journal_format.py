"""The journal's line format: one record a line, each chained to the one before by SHA-256."""

from dataclasses import dataclass
from typing import Final

from cluster.errors import DataError
from cluster.files import canonical_json
from cluster.hash_chain import START, Head, Links, Row
from trade.journal.events import Event, parse_event

LINKS: Final = Links("type", number="seq", first=0, seal="hash")


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a journal.

    Args:
        seq: 0, 1, 2, ... without a gap.
        ts: When it was written, ISO 8601 in UTC.
        event: What happened; its kind is the key `type` of the line, its fields the `payload`.
        prev: `hash` of the record before, 64 zeros for the first.
        hash: SHA-256 over the canonical JSON of the five fields above.
    """

    seq: int
    ts: str
    event: Event
    prev: str
    hash: str

    @classmethod
    def chained(cls, prev: "Record | None", ts: str, event: Event) -> "Record":
        """The record that follows `prev`."""
        end = Head(prev.seq + 1, prev.hash) if prev else START
        fields = {"ts": ts, "type": event.kind, "payload": event.payload()}
        row = LINKS.link(fields, end)
        return cls(event=event, **{name: row[name] for name in _FIELDS})

    @classmethod
    def from_row(cls, row: Row) -> "Record":
        """The record in a line of the chain.

        Raises:
            ValueError: it is of no known kind, or has other fields than that kind of record.
        """
        if row.keys() != {*_FIELDS, "type", "payload"}:
            raise ValueError(f"a record has other fields than {', '.join(sorted(row))}")
        event = parse_event(row["type"], row["payload"])
        return cls(event=event, **{name: row[name] for name in _FIELDS})

    @property
    def kind(self) -> str:
        """The event's."""
        return self.event.kind

    def line(self) -> bytes:
        """The record's line, with the newline that says that it is whole."""
        return canonical_json(self._row()) + b"\n"

    def _row(self) -> Row:
        row = {name: getattr(self, name) for name in _FIELDS}
        return row | {"type": self.kind, "payload": self.event.payload()}


_FIELDS: Final = ("seq", "ts", "prev", "hash")  # those that a line calls the same


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
    chained = LINKS.read(data)
    for fault in chained.faults():
        raise _damage(origin, fault.row, fault.what)
    records = []
    for number, row in enumerate(chained.rows(), 1):
        try:
            records.append(Record.from_row(row))
        except ValueError as error:
            raise _damage(origin, number, f"it is no journal record ({error})") from error
    return records, len(data) - len(chained.torn)


def _damage(origin: str, number: int, why: str) -> DataError:
    return DataError(
        f"{origin} is damaged at line {number}",
        why,
        "restore the file from a copy, or start a new session with another journal",
    )
