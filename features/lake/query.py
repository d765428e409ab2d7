"""DuckDB over the lake's bars: one SELECT, nothing but those, no file read or written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import polars as pl

from cluster.errors import UsageError
from features.lake.blocks import has_origin, old_spellings, scan_blocks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation
    from duckdb.sqltypes import DuckDBPyType
    from pyarrow import Table
    from pyarrow.dataset import Dataset

_KNOWN = frozenset(  # DuckDB's types that Polars holds without a loss
    [
        *("boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint"),
        *("uinteger", "ubigint", "float", "double", "decimal", "varchar", "enum", "uuid", "blob"),
        *("date", "time", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "null"),
        "timestamp with time zone",
    ]
)
_WHOLE: dict[str, type[pl.DataType]] = {"hugeint": pl.Int128, "uhugeint": pl.UInt128}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # of the years 1 and 9999, after 1970-01-01
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
            return _frame(connection.sql(statement))
    except duckdb.Error as error:
        raise UsageError("the query failed", _in_one_line(error), _EXAMPLE) from error


def _frame(found: "DuckDBPyRelation") -> pl.DataFrame:
    """The rows as Polars can hold them: types and times that it lacks as DuckDB's own text."""
    kinds = found.types
    texts = {n for n, kind in enumerate(kinds) if not _is_known(kind)}
    rows = _fetched(found, texts)
    endless = {n for n, column in enumerate(rows) if _is_endless(column)}
    if endless:
        rows = _fetched(found, texts | endless)
    whole = {n: _WHOLE[kind.id] for n, kind in enumerate(kinds) if kind.id in _WHOLE}
    return rows.with_columns(pl.nth(n).cast(kind) for n, kind in whole.items())


def _fetched(found: "DuckDBPyRelation", texts: set[int]) -> pl.DataFrame:
    """All columns, those of `texts` as text; a name that comes twice gets a number."""
    names: list[str] = []
    for name in found.columns:
        same = names.count(name) and sum(known.startswith(f"{name}_") for known in names) + 1
        names.append(f"{name}_{same}" if same else name)
    columns = [
        f"CAST(#{n + 1} AS VARCHAR)" if n in texts else f"#{n + 1}" for n in range(len(names))
    ]
    quoted = ('"' + name.replace('"', '""') + '"' for name in names)
    given = ", ".join(f"{column} AS {name}" for column, name in zip(columns, quoted, strict=True))
    rows: pl.DataFrame = found.project(given).pl()
    return rows


def _is_known(kind: "DuckDBPyType") -> bool:
    if kind.id in ("list", "array", "struct"):
        inner = (child for name, child in kind.children if name != "size")
        return all(_is_known(cast("DuckDBPyType", child)) for child in inner)
    return kind.id in _KNOWN


def _is_endless(column: pl.Series) -> bool:
    """Whether a time lies outside the years 1 to 9999, as `infinity` does."""
    if column.dtype == pl.Date:
        days = 1
    elif isinstance(column.dtype, pl.Datetime) and column.dtype.time_unit != "ns":
        days = 86_400 * {"ms": 10**3, "us": 10**6}[column.dtype.time_unit]
    else:
        return False  # nanoseconds reach from 1677 to 2262
    numbers = column.to_physical().drop_nulls()
    return bool(((numbers < _FIRST_DAY * days) | (numbers >= (_LAST_DAY + 1) * days)).any())


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
