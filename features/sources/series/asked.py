"""What the source of a series was asked for in vain: so that nobody asks for it for ever."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cluster.errors import DataError
from cluster.files import canonical_json, write_atomic
from features.bars.symbols import canonical
from features.lake.blocks import only_writer
from features.sources.series.gaps import Gap, Place

SETTLED = timedelta(days=7)  # what a source still lacks then, it never had: a halt
_NAME = "asked.json"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class InVain:
    """A stretch that a source was asked for, of which it had no bar.

    Args:
        start: UTC.
        end: Behind it, UTC.
        since: When it was first asked for, UTC.
        last: When it was last asked for, UTC.
        whole: A window that an older version noted, of which only the beginning is known to be so.
    """

    start: datetime
    end: datetime
    since: datetime
    last: datetime
    whole: bool = False

    def settles(self, gap: Gap) -> bool:
        """Whether a gap is to be taken as it is: the symbol was not traded then."""
        start, end = gap.window
        if not self.start <= start < self.end:
            return False
        if gap.place is Place.HEAD:  # it was asked for by itself
            return end <= self.end
        long = not self.whole and self.last - self.since >= SETTLED
        return long and gap.place is Place.INNER and end <= self.end


def read_asked(folder: Path) -> dict[str, list[InVain]]:
    """What was asked for in vain, by symbol of a series.

    Raises:
        DataError: the file is damaged.
    """
    path = folder / _NAME
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_bytes())
        return {
            canonical(symbol): [_read(row) for row in _rows(noted)]
            for symbol, noted in document.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        advice = f"mv {path} {path}.damaged (fetched bars are kept)"
        raise DataError(f"{path} is damaged", str(error), advice) from error


def add_asked(folder: Path, gaps: Mapping[str, Sequence[Gap]], now: datetime) -> None:
    """Note the gaps, by symbol, that the source of a series was asked for in vain now (UTC)."""
    with only_writer(folder):
        asked = read_asked(folder)
        for symbol, lacking in gaps.items():
            before = asked.get(symbol, [])
            noted = [_noted(gap, before, now) for gap in lacking]
            starts = {known.start for known in noted}
            asked[symbol] = [old for old in before if old.whole or old.start not in starts] + noted
        document = {symbol: [_written(known) for known in asked[symbol]] for symbol in asked}
        write_atomic(folder / _NAME, canonical_json(document))


def _noted(gap: Gap, before: list[InVain], now: datetime) -> InVain:
    start, end = gap.window
    known = [each.since for each in before if not each.whole and each.start <= start < each.end]
    return InVain(start, end, min(known, default=now), now)


def _rows(noted: list[Any]) -> list[list[str]]:
    """An older version noted one window a symbol."""
    return [noted] if noted and isinstance(noted[0], str) else noted


def _read(row: list[str]) -> InVain:
    moments = [datetime.fromisoformat(moment) for moment in row]
    if len(moments) == 2:
        return InVain(moments[0], moments[1], _BEGINNING, _BEGINNING, whole=True)
    start, end, since, last = moments
    return InVain(start, end, since, last)


def _written(known: InVain) -> list[str]:
    moments = (known.start, known.end, *(() if known.whole else (known.since, known.last)))
    return [moment.isoformat() for moment in moments]
