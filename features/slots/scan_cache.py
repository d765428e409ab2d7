"""Scans on disk: one file each, named by what it was made of."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from cluster.files import canonical_json, write_atomic
from features.slots.scan import PICK_SCHEMA, Scan

SCAN_VERSION = 2  # raise it when the same bars give other picks, or a file holds more


def kept_scan(path: Path, make: Callable[[], Scan]) -> Scan:
    """The scan in that file, made and written first where there is none.

    Raises:
        DataError: nobody is eligible; nothing is written then.
    """
    if path.exists():
        return _read(path)
    scan = make()
    write_atomic(path, canonical_json(_document(scan)))
    return scan


def _document(scan: Scan) -> dict[str, object]:
    return {
        "as_of": scan.as_of.isoformat(),
        "picks": scan.picks.to_dict(as_series=False),
        "members": scan.members,
        "without_bars": scan.without_bars,
        "eligible": scan.eligible,
    }


def _read(path: Path) -> Scan:
    document = json.loads(path.read_bytes())
    picks = pl.DataFrame(document["picks"], schema_overrides=PICK_SCHEMA).select(*PICK_SCHEMA)
    return Scan(
        date.fromisoformat(document["as_of"]),
        picks,
        document["members"],
        tuple(document["without_bars"]),
        document["eligible"],
    )
