"""DuckDB over the lake's bars: one SELECT, nothing but those, no file read or written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cluster.errors import UsageError
from features.lake.blocks import has_origin, old_spellings, scan_blocks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from pyarrow import Table
    from pyarrow.dataset import Dataset

_EXAMPLE = 'ploutos data sql "select symbol, count(*) as n from bars group by symbol"'


@dataclass(frozen=True)
class SeriesBlocks:
    """The blocks of one interval and series."""

    interval: str
    series: str
    blocks: list[Path]


def query(statement: str, series: list[SeriesBlocks]) -> pl.DataFrame:
    """Answer one SELECT over the view `bars` of these series.

    Raises:
        UsageError: the statement is wrong, is no single SELECT, or reaches for files.
        DataError: a block is damaged.
    """
    import duckdb

    try:
        with duckdb.connect(":memory:") as connection:
            _refuse_other_than_select(connection, statement)
            _confine(connection)
            _create_view(connection, series)
            return _rows(connection.sql(statement))
    except duckdb.Error as error:
        raise UsageError("the query failed", _in_one_line(error), _EXAMPLE) from error


def _rows(found: "DuckDBPyRelation") -> pl.DataFrame:
    """The answer; intervals, which only DuckDB knows, as text."""
    if any("INTERVAL" in str(kind) for kind in found.types):
        names = ['"' + name.replace('"', '""') + '"' for name in found.columns]
        found = found.project(
            ", ".join(
                f"CAST({name} AS VARCHAR) AS {name}" if "INTERVAL" in str(kind) else name
                for name, kind in zip(names, found.types, strict=True)
            )
        )
    rows: pl.DataFrame = found.pl()
    return rows


def _refuse_other_than_select(connection: "DuckDBPyConnection", statement: str) -> None:
    import duckdb

    kinds = [part.type for part in connection.extract_statements(statement)]
    if kinds != [duckdb.StatementType.SELECT]:
        named = ", ".join(kind.name for kind in kinds) or "nothing"
        raise UsageError("the query is not a single SELECT", f"it holds: {named}", _EXAMPLE)


def _confine(connection: "DuckDBPyConnection") -> None:
    """Let DuckDB read no file at all, and nothing undo that."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _create_view(connection: "DuckDBPyConnection", series: list[SeriesBlocks]) -> None:
    """The view `bars` over the blocks, which Arrow reads: to DuckDB `[ ] * ?` in a path is glob."""
    parts = []
    for number, part in enumerate(series):
        connection.register(f"part_{number}", _relation(part.blocks))
        labels = f"{_text(part.series)} AS series, {_text(part.interval)} AS interval"
        parts.append(f"SELECT *, {labels} FROM part_{number}")
    connection.execute(f"CREATE VIEW bars AS {' UNION ALL BY NAME '.join(parts)}")


def _relation(blocks: list[Path]) -> "Dataset | Table":
    """The bars of a series: read when they are asked for, or at once where an older version's are.

    Raises:
        DataError: a block is damaged.
    """
    from pyarrow.dataset import dataset
    from pyarrow.fs import LocalFileSystem

    if not all(has_origin(block) and not old_spellings(block) for block in blocks):
        return scan_blocks(blocks).drop("series").collect().to_arrow()
    return dataset([str(block) for block in blocks], format="parquet", filesystem=LocalFileSystem())


def _text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
