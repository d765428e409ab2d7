"""The point-in-time universe: who was in the S&P 500 on a day, and in which GICS sector."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from hashlib import sha256

import polars as pl

from cluster.errors import DataError
from cluster.files import canonical_json

TICKER = r"^[A-Za-z0-9][A-Za-z0-9.\-]{0,15}$"

SPELL_SCHEMA = {
    "symbol": pl.String(),  # the name that the bars have: the company's last ticker
    "start_date": pl.Date(),  # first day in the index; null: since before the records begin
    "end_date": pl.Date(),  # first day out of it; null: still in
    "index_ticker": pl.String(),  # the ticker it had then
}
SECTOR_SCHEMA = {
    "symbol": pl.String(),
    "name": pl.String(),
    "sector": pl.String(),  # one of GICS_SECTORS; null: not known
    "sub_industry": pl.String(),
    "since": pl.Date(),  # first day of this classification that is known; null: always
}


@dataclass(frozen=True)
class UniverseDiff:
    """What changed in the index between two days.

    Attributes:
        joined: In on the second day and not on the first.
        left: In on the first day and not on the second.
        renamed: (symbol, ticker on the first day, ticker on the second) of those in on both.
    """

    joined: tuple[str, ...]
    left: tuple[str, ...]
    renamed: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, eq=False)
class Universe:
    """Spells of membership and sectors, as one source told them.

    A company keeps one `symbol` through its renamings, and one that left or was delisted stays.
    Sectors are those of the source's classification: where it gives one a company, as the public
    list does, an early date gets the later sector.

    Attributes:
        spells: `SPELL_SCHEMA`.
        sectors: `SECTOR_SCHEMA`, one row a symbol and classification.
        origin: Which file or page it came from.
        retrieved: When, UTC.
        doubts: What the source says that cannot be reconciled, in words.
    """

    spells: pl.DataFrame
    sectors: pl.DataFrame
    origin: str
    retrieved: datetime
    doubts: tuple[str, ...] = ()

    @classmethod
    def of_all(cls, sectors: Mapping[str, str], origin: str) -> "Universe":
        """Every symbol of the mapping to its sector, a member at all times: of a made-up market."""
        names = sorted(sectors.items())
        spells = [(symbol, None, None, symbol) for symbol, _ in names]
        companies = [(symbol, symbol, sector, None, None) for symbol, sector in names]
        return cls(
            pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row"),
            pl.DataFrame(companies, schema=SECTOR_SCHEMA, orient="row"),
            origin,
            datetime.now(UTC),
        )

    def members(self, on: date) -> tuple[str, ...]:
        """Symbols in the index on that day, sorted; after the last record, the last known ones."""
        return tuple(self._spells_on(on)["symbol"].unique().sort())

    def tickers(self, on: date) -> dict[str, str]:
        """The ticker of that day of each member."""
        spells = self._spells_on(on)
        return dict(zip(spells["symbol"], spells["index_ticker"], strict=True))

    def sector(self, symbol: str, on: date) -> str | None:
        """GICS sector on that day, or the first known one before it was classified.

        Raises:
            DataError: the universe has never heard of the symbol.
        """
        known = self._classified.get(symbol)
        if known is None:
            if symbol in self._symbols:
                return None
            raise DataError(
                f"no company {symbol} in the universe", self.origin, "ploutos universe list"
            )
        past = [sector for since, sector in known if since is None or since <= on]
        return past[-1] if past else known[0][1]

    def sectors_on(self, on: date, symbols: Iterable[str] | None = None) -> dict[str, str]:
        """Sector of each of `symbols` (the members when None) that has one on that day."""
        chosen = self.members(on) if symbols is None else symbols
        found = ((s, self.sector(s, on)) for s in chosen if s in self._symbols)
        return {symbol: sector for symbol, sector in found if sector is not None}

    def diff(self, first: date, second: date) -> UniverseDiff:
        """What changed between two days, sorted by symbol."""
        before, after = self.tickers(first), self.tickers(second)
        renamed = [
            (symbol, before[symbol], after[symbol])
            for symbol in sorted(before.keys() & after.keys())
            if before[symbol] != after[symbol]
        ]
        joined, left = after.keys() - before.keys(), before.keys() - after.keys()
        return UniverseDiff(tuple(sorted(joined)), tuple(sorted(left)), tuple(renamed))

    @property
    def last_change(self) -> date | None:
        """The last day on which somebody joined or left."""
        days = pl.concat([self.spells["start_date"], self.spells["end_date"]]).drop_nulls()
        last: date | None = days.max()  # type: ignore[assignment]
        return last

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of spells and sectors."""
        rows = [
            [list(map(str, row)) for row in frame.sort(pl.all()).iter_rows()]
            for frame in (self.spells, self.sectors)
        ]
        return sha256(canonical_json(rows)).hexdigest()

    def _spells_on(self, on: date) -> pl.DataFrame:
        started = pl.col("start_date").is_null() | (pl.col("start_date") <= on)
        going_on = pl.col("end_date").is_null() | (pl.col("end_date") > on)
        return self.spells.filter(started & going_on)

    @cached_property
    def _symbols(self) -> frozenset[str]:
        return frozenset(self.spells["symbol"]) | frozenset(self.sectors["symbol"])

    @cached_property
    def _classified(self) -> dict[str, list[tuple[date | None, str]]]:
        """Sectors of each symbol, oldest first."""
        rows = self.sectors.filter(pl.col("sector").is_not_null()).sort(
            "symbol", "since", nulls_last=False
        )
        found: dict[str, list[tuple[date | None, str]]] = {}
        for symbol, since, sector in rows.select("symbol", "since", "sector").iter_rows():
            found.setdefault(symbol, []).append((since, sector))
        return found
