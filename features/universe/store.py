"""The universe on disk: one file, replaced as a whole, so that the last good copy stays."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from cluster.errors import DataError
from cluster.files import canonical_json, write_atomic
from features.bars.symbols import respelt
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe

SCHEMA_VERSION = 1
UNIVERSE_FILE = "universe.json"
_BUILD = "ploutos universe build, or ploutos universe import --membership FILE --constituents FILE"


def save_universe(universe: Universe, folder: Path) -> Path:
    """Write `universe.json` into the folder (`PLOUTOS_HOME/universe`), atomically.

    Raises:
        PloutosError: the disk is full, read-only or forbidden; the copy before is untouched.
    """
    path = folder / UNIVERSE_FILE
    document = {
        "schema_version": SCHEMA_VERSION,
        "origin": universe.origin,
        "retrieved": universe.retrieved.isoformat(),
        "doubts": list(universe.doubts),
        "spells": _rows(universe.spells.select(*SPELL_SCHEMA)),
        "sectors": _rows(universe.sectors.select(*SECTOR_SCHEMA)),
    }
    write_atomic(path, canonical_json(document))
    return path


def load_universe(folder: Path) -> Universe:
    """Read the universe that `save_universe` wrote.

    Raises:
        DataError: there is none, or the file is damaged or of another version.
    """
    path = folder / UNIVERSE_FILE
    if not path.exists():
        raise DataError("there is no universe yet", f"no {path}", _BUILD)
    try:
        document = json.loads(path.read_bytes())
        if document["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {document['schema_version']}")
        return Universe(
            respelt(_frame(document["spells"], SPELL_SCHEMA), "symbol", "index_ticker"),
            respelt(_frame(document["sectors"], SECTOR_SCHEMA)),
            document["origin"],
            datetime.fromisoformat(document["retrieved"]),
            tuple(document["doubts"]),
        )
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        why = f"{type(error).__name__}: {error}"
        raise DataError(
            f"{path} is damaged", why, f"mv {path} {path}.old, then {_BUILD}"
        ) from error


def age_of(universe: Universe, now: datetime | None = None) -> timedelta:
    """How long ago the copy was retrieved."""
    return (now or datetime.now(UTC)) - universe.retrieved


def keep_known_sectors(fresh: Universe, former: Universe) -> Universe:
    """The fresh universe with the sectors of companies that only the former copy still knows.

    The public list drops the sector of a company on the day it leaves.
    """
    gone = former.sectors.join(fresh.sectors, on="symbol", how="anti")
    sectors = pl.concat([fresh.sectors, gone]).sort("symbol", "since")
    return Universe(fresh.spells, sectors, fresh.origin, fresh.retrieved, fresh.doubts)


def _rows(frame: pl.DataFrame) -> list[list[str | None]]:
    return [[_text(value) for value in row] for row in frame.iter_rows()]


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, date) else value


def _frame(rows: list[list[str | None]], schema: dict[str, Any]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(schema, pl.String()), orient="row")
    days = [name for name, dtype in schema.items() if dtype == pl.Date]
    return frame.with_columns(pl.col(*days).str.to_date("%Y-%m-%d"))
