"""Which windows of a series its source has answered: so that nobody asks for them again."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from cluster.errors import DataError
from cluster.files import canonical_json, write_atomic
from features.bars.symbols import canonical
from features.lake.blocks import only_writer

Window = tuple[datetime, datetime]  # [start, end), UTC, of opening times of bars
_NAME = "asked.json"


def read_answered(folder: Path) -> dict[str, Window]:
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
            canonical(symbol): (datetime.fromisoformat(start), datetime.fromisoformat(end))
            for symbol, (start, end) in document.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is damaged", str(error), f"rm {path} (fetched bars are kept)"
        ) from error


def add_answered(folder: Path, windows: Mapping[str, Window]) -> None:
    """Widen the windows of symbols; those of one symbol must touch."""
    with only_writer(folder):
        answered = read_answered(folder)
        for symbol, (start, end) in windows.items():
            before = answered.get(symbol, (start, end))
            answered[symbol] = (min(start, before[0]), max(end, before[1]))
        document = {
            symbol: [moment.isoformat() for moment in window] for symbol, window in answered.items()
        }
        write_atomic(folder / _NAME, canonical_json(document))
