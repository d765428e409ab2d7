"""A universe from files: spells of membership and companies with their sectors."""

import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from features.bars.symbols import respelt
from features.formats.files import read_raw
from features.universe.sectors import GICS_SECTORS, with_known_sectors
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, TICKER, Universe

_HELP = "ploutos universe import --help"
_SECTOR_NAMES = {
    "gics_sector": "sector",
    "gics_sub_industry": "sub_industry",
    "first_seen": "since",
    "company": "name",
    "security": "name",
    "ticker": "symbol",
}
_SPELL_NAMES = {"start": "start_date", "end": "end_date", "ticker": "index_ticker"}


def universe_from_files(membership: Path, constituents: Path) -> Universe:
    """Read both files, Parquet or CSV.

    Args:
        membership: `symbol`, `start_date`, `end_date` (first day out; empty: still in) and, where
            the ticker was another one then, `index_ticker`.
        constituents: `symbol` and `gics_sector`; `name`, `gics_sub_industry` and `first_seen`
            where known. Several rows a symbol are its classifications in time.

    Raises:
        DataError: a file or column is missing, a symbol is no ticker, a date is none, a spell ends
            before it starts, or two spells of a symbol overlap under one ticker.
    """
    spells = _spells(membership)
    sectors = _sectors(constituents)
    sectors = pl.concat([sectors, _sectors_under_former_tickers(spells, sectors)])
    return Universe(
        spells.select(*SPELL_SCHEMA),
        sectors.select(*SECTOR_SCHEMA).sort("symbol", "since"),
        origin=f"{membership.name}, {constituents.name}",
        retrieved=datetime.now(UTC),
    )


def _spells(path: Path) -> pl.DataFrame:
    rows = _read(path, _SPELL_NAMES, ("symbol", "start_date", "end_date"))
    if "index_ticker" not in rows.columns:
        rows = rows.with_columns(index_ticker="symbol")
    rows = rows.with_columns(
        _day("start_date", path, rows),
        _day("end_date", path, rows),
        pl.col("index_ticker").cast(pl.String).fill_null(pl.col("symbol")),
    )
    rows = respelt(rows, "index_ticker")
    spells = rows.select(*SPELL_SCHEMA).unique().sort("symbol", "start_date", "index_ticker")
    _refuse(spells, pl.col("end_date") <= pl.col("start_date"), path, "ends before it starts")
    before = pl.col("end_date").shift(1).over("symbol", "index_ticker")
    first = pl.int_range(pl.len()).over("symbol", "index_ticker") == 0
    overlap = ~first & (before.is_null() | (before > pl.col("start_date")))
    _refuse(spells, overlap, path, "overlaps its spell before")
    return spells


def _sectors(path: Path) -> pl.DataFrame:
    rows = _read(path, _SECTOR_NAMES, ("symbol", "sector"), tickers_only=False)
    missing = [name for name in SECTOR_SCHEMA if name not in rows.columns]
    rows = rows.with_columns(
        pl.lit(None, dtype=SECTOR_SCHEMA[name]).alias(name) for name in missing
    )
    rows = rows.with_columns(_day("since", path, rows))
    rows = rows.select(pl.col(name).cast(dtype) for name, dtype in SECTOR_SCHEMA.items())
    known = with_known_sectors(rows)
    if known["sector"].null_count() == known.height:
        why = f"it has {', '.join(map(str, rows['sector'].unique().sort()[:3]))}; the 11 are "
        advice = "give GICS sectors, as the public list has them: ploutos universe build"
        raise DataError(f"{path} names no GICS sector", why + ", ".join(GICS_SECTORS), advice)
    # A broken row of the public list names a company where the ticker belongs: nobody asks for it.
    return known.filter(pl.col("symbol").str.contains(TICKER))


def _sectors_under_former_tickers(spells: pl.DataFrame, sectors: pl.DataFrame) -> pl.DataFrame:
    """Sectors of symbols that are classified under a ticker they had, while they had it."""
    unknown = spells.join(sectors.drop_nulls("sector"), on="symbol", how="anti")
    found = unknown.join(
        sectors.drop_nulls("sector").rename({"symbol": "index_ticker"}), on="index_ticker"
    )
    overlapping = (
        pl.col("since").is_null()
        | pl.col("end_date").is_null()
        | (pl.col("since") < pl.col("end_date"))
    )
    return found.filter(overlapping).select(*SECTOR_SCHEMA).unique("symbol", keep="first")


def _read(
    path: Path, names: dict[str, str], needed: tuple[str, ...], *, tickers_only: bool = True
) -> pl.DataFrame:
    rows = read_raw(path)
    given = rows.columns
    rows = rows.rename(_plain_names(given, names))
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        why = f"no column {', '.join(missing)}; it has {', '.join(given) or 'none'}"
        raise DataError(f"{path} is not a file of the universe", why, _HELP)
    if rows.is_empty():
        raise DataError(f"{path} has no rows", "a universe needs companies", _HELP)
    rows = respelt(rows.with_columns(pl.col("symbol").cast(pl.String).str.strip_chars()))
    if tickers_only:
        _refuse(
            rows,
            ~pl.col("symbol").str.contains(TICKER).fill_null(value=False),
            path,
            "is not a ticker",
        )
    return rows


def _plain_names(columns: list[str], names: dict[str, str]) -> dict[str, str]:
    """Headings as lists have them, such as `GICS Sub-Industry`, to the names used here.

    Where two headings mean the same, the first one that has our own name is taken, else the first.
    """
    plain = {
        column: re.sub("[^a-z0-9]+", "_", column.strip().lower()).strip("_") for column in columns
    }
    ours = sorted(columns, key=lambda column: plain[column] in names)
    found: dict[str, str] = {}
    for column in ours:
        name = names.get(plain[column], plain[column])
        if name not in found.values() and (name == column or name not in columns):
            found[column] = name
    return found


def _day(column: str, path: Path, rows: pl.DataFrame) -> pl.Expr:
    """The column as dates, refusing what is there but is no date."""
    dtype = rows.schema[column]
    if dtype.is_temporal() or dtype == pl.Null:
        return pl.col(column).cast(pl.Date)
    if dtype != pl.String:
        raise DataError(f"{path}: {column} has the type {dtype}", "dates are ISO 8601", _HELP)
    day = pl.col(column).str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    empty = pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")
    _refuse(rows, ~empty & day.is_null(), path, f"has a {column} that is no date (YYYY-MM-DD)")
    return day


def _refuse(rows: pl.DataFrame, bad: pl.Expr, path: Path, why: str) -> None:
    found = rows.with_row_index("row").filter(bad)
    if found.height:
        row = found.row(0, named=True)
        raise DataError(
            f"{path}: {row['symbol']!r} (row {row['row']}) {why}",
            f"{found.height} of {rows.height} rows are bad",
            f"correct {path}",
        )
