"""From the present list and its changes back to the spells of every member."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl

from features.universe.sectors import with_known_sectors
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe
from features.universe.wikipedia import Change, Company, ListPage


def universe_from_page(page: ListPage, origin: str, retrieved: datetime | None = None) -> Universe:
    """Walk the changes back from the present members.

    The page names a company by its ticker of the day in the changes and by its last one in the
    list, and does not say when it was renamed: spells have the last one. A company that joined
    under a ticker nobody left under is taken to be the one member with that `date added` whose
    joining is not told otherwise; where there is none, it is a doubt.
    """
    walk = _Walk(page)
    for change in page.changes:
        walk.back(change)
    spells = walk.spells()
    return Universe(
        pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row").sort("symbol", "start_date"),
        _sectors(page.companies),
        origin,
        retrieved or datetime.now(UTC),
        (*page.doubts, *walk.doubts),
    )


def _sectors(companies: Sequence[Company]) -> pl.DataFrame:
    rows = [(c.symbol, c.name, c.sector, c.sub_industry, None) for c in companies]
    frame = pl.DataFrame(rows, schema=SECTOR_SCHEMA, orient="row")
    return with_known_sectors(frame).sort("symbol")


@dataclass
class _Walk:
    """Spells that are open at the day reached so far, and those closed behind it."""

    page: ListPage
    doubts: list[str] = field(default_factory=list)
    _open: dict[str, date | None] = field(init=False)  # symbol: first day out, None: still in
    _closed: list[tuple[str, date | None, date | None, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._open = {company.symbol: None for company in self.page.companies}

    def back(self, change: Change) -> None:
        """Undo one change: who joined was not in before it, who left was."""
        if change.added:
            self._undo_joining(change)
        if change.removed in self._open:
            self.doubts.append(f"{change.removed} left on {change.day} and is in without joining")
        elif change.removed:
            self._open[change.removed] = change.day

    def _undo_joining(self, change: Change) -> None:
        symbol = change.added if change.added in self._open else self._renamed(change)
        if symbol is None:
            self.doubts.append(f"{change.added} joined on {change.day}, and its later name is open")
            return
        if symbol != change.added:
            self.doubts.append(f"{change.added} joined on {change.day} and is taken to be {symbol}")
        self._closed.append((symbol, change.day, self._open.pop(symbol), symbol))

    def _renamed(self, change: Change) -> str | None:
        """The one present member that joined on that day and is in no change that joins."""
        announced = {(other.added, other.day) for other in self.page.changes}
        unannounced = [
            company.symbol
            for company in self.page.companies
            if company.added == change.day
            and (company.symbol, change.day) not in announced
            and company.symbol in self._open
        ]
        return unannounced[0] if len(unannounced) == 1 else None

    def spells(self) -> list[tuple[str, date | None, date | None, str]]:
        """All spells; one that no change opens starts at the list's date, or before the records."""
        added = {company.symbol: company.added for company in self.page.companies}
        rest = [
            (symbol, added.get(symbol) if end is None else None, end, symbol)
            for symbol, end in self._open.items()
        ]
        return self._closed + rest
