"""DuckDB over the lake's files: one SELECT, nothing but those files, nothing written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cluster.errors import UsageError
from features.lake.blocks import AS_GIVEN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NO_TIME = "NULL::TIMESTAMPTZ"
_EXAMPLE = 'ploutos data sql "select symbol, count(*) as n from bars group by symbol"'


@dataclass(frozen=True)
class BarFiles:
    """One Parquet file of the lake, of one interval and series."""

    interval: str
    series: str
    path: str
    has_origin: bool  # whether it has the columns `adjustment` and `retrieved`


def query(statement: str, files: list[BarFiles], root: Path) -> pl.DataFrame:
    """Answer one SELECT over the view `bars` of `files`, all under `root`.

    Raises:
        UsageError: the statement is wrong, is no single SELECT, or reaches for other files.
    """
    import duckdb

    try:
        with duckdb.connect(":memory:") as connection:
            _refuse_other_than_select(connection, statement)
            _confine(connection, root)
            connection.execute(_view(files))
            rows: pl.DataFrame = connection.sql(statement).pl()
            return rows
    except duckdb.Error as error:
        raise UsageError("the query failed", _in_one_line(error), _EXAMPLE) from error


def _refuse_other_than_select(connection: "DuckDBPyConnection", statement: str) -> None:
    import duckdb

    kinds = [part.type for part in connection.extract_statements(statement)]
    if kinds != [duckdb.StatementType.SELECT]:
        named = ", ".join(kind.name for kind in kinds) or "nothing"
        raise UsageError("the query is not a single SELECT", f"it holds: {named}", _EXAMPLE)


def _confine(connection: "DuckDBPyConnection", root: Path) -> None:
    """Let DuckDB read below `root` and nowhere else, and nothing undo that."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = [{_text(str(root))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _view(files: list[BarFiles]) -> str:
    kinds: dict[tuple[str, str, bool], list[str]] = {}
    for file in files:
        kinds.setdefault((file.interval, file.series, file.has_origin), []).append(file.path)
    parts = []
    for (interval, series, has_origin), paths in kinds.items():
        origin = "" if has_origin else f", {_text(AS_GIVEN)} AS adjustment, {_NO_TIME} AS retrieved"
        parts.append(
            f"SELECT *{origin}, {_text(series)} AS series, {_text(interval)} AS interval "
            f"FROM read_parquet([{', '.join(map(_text, paths))}])"
        )
    return f"CREATE VIEW bars AS {' UNION ALL BY NAME '.join(parts)}"


def _text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
