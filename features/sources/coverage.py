"""What a series has been asked for already, beside its blocks, so that nobody asks again."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cluster.errors import DataError
from cluster.files import canonical_json, write_atomic
from features.lake.blocks import only_writer

Window = tuple[datetime, datetime]  # [start, end), UTC, of opening times of bars
_NAME = "asked.json"


def read_asked(folder: Path) -> dict[str, Window]:
    """The window of each symbol of a series that its source has answered.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / _NAME
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_bytes())
        return {
            symbol: (datetime.fromisoformat(start), datetime.fromisoformat(end))
            for symbol, (start, end) in document.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is damaged", str(error), f"rm {path} (fetched bars are kept)"
        ) from error


def add_asked(folder: Path, windows: Mapping[str, Window]) -> None:
    """Widen the windows of symbols; those of one symbol must touch."""
    with only_writer(folder):
        known = read_asked(folder)
        for symbol, (start, end) in windows.items():
            old = known.get(symbol, (start, end))
            known[symbol] = (min(start, old[0]), max(end, old[1]))
        document = {
            symbol: [moment.isoformat() for moment in window] for symbol, window in known.items()
        }
        write_atomic(folder / _NAME, canonical_json(document))
