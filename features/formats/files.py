"""Files as tables: Parquet and text, packed or not, with their headings."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cluster.errors import DataError
from features.formats.stacked import unstacked, unstacked_columns
from features.formats.text import MAX_FILE, read_cells

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

MAX_ROW_GROUP = 2**30  # bytes in memory; a larger one is refused unread
SUFFIXES = (".parquet", ".csv", ".txt", ".tsv", ".gz", ".zip")


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table as it stands in a file.

    Args:
        frame: Its rows by heading; all text, or typed where the file says the types. Columns
            without headings are called by their number, from 1.
        stacked: Whether it had a heading of prices over one of tickers.
    """

    frame: pl.DataFrame
    stacked: bool = False


def read_raw(path: Path | str) -> pl.DataFrame:
    """Read a Parquet or text file as it is, with its own headings.

    Raises:
        DataError: the file is missing, is a folder, has another suffix, or cannot be parsed.
    """
    return read_sheet(Path(path)).frame


def read_sheet(path: Path) -> Sheet:
    """Read a Parquet or text file as a table.

    Raises:
        DataError: the file is missing, is a folder, has another suffix, or cannot be parsed.
    """
    if not path.exists():
        raise DataError(
            f"no bar file {path}", "there is no such file", f"ls {_quoted(path.parent)}"
        )
    if path.is_dir():
        raise DataError(f"{path} is not a bar file", "it is a folder", f"ls {_quoted(path)}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"cannot read {path}",
            f"the suffix is {suffix or 'missing'!r}, not {' or '.join(SUFFIXES)}",
            "convert it to Parquet or CSV, or rename it if it already is one",
        )
    return _parse(path, _read_parquet if suffix == ".parquet" else _read_text)


def _parse(path: Path, reader: Callable[[Path], Sheet]) -> Sheet:
    from pyarrow import ArrowException

    broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ArrowException)
    try:
        return reader(path)
    except pl.exceptions.NoDataError as error:
        advice = f"ls -l {_quoted(path)}"
        raise DataError(f"{path} has no bars", "the file is empty", advice) from error
    except (*broken, OSError, UnicodeDecodeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        kind = "parquet" if path.suffix.lower() == ".parquet" else "csv"
        advice = f"ls -l {_quoted(path)} (was it copied whole?)"
        raise DataError(f"{path} is not a readable {kind} file", why, advice) from error


def _read_parquet(path: Path) -> Sheet:
    """Read with Arrow, which refuses a damaged file; Polars may end the process over one."""
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path, page_checksum_verification=True) as file:
        _refuse_size(path, file.metadata)
        table = file.read()
    table.validate(full=True)
    plain = pyarrow.schema([(field.name, field.type) for field in table.schema])  # no metadata
    frame = pl.DataFrame(pyarrow.Table.from_arrays(table.columns, schema=plain))
    long = unstacked_columns(frame)
    return Sheet(long, stacked=long is not frame)


def _refuse_size(path: Path, metadata: "FileMetaData") -> None:
    """Refuse by the footer alone what would not fit: a value takes 8 bytes once it is decoded."""
    sizes = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        sizes.append(max(group.total_byte_size, group.num_rows * metadata.num_columns * 8))
    sizes.append(metadata.num_rows * metadata.num_columns * 8)
    *groups, rows = sizes
    _refuse_above(
        path,
        f"its largest row group needs {_gib(max(groups, default=0))}",
        max(groups, default=0),
        MAX_ROW_GROUP,
    )
    _refuse_above(
        path, f"it needs {_gib(max(rows, sum(groups)))}", max(rows, sum(groups)), MAX_FILE
    )


def _refuse_above(path: Path, why: str, size: int, limit: int) -> None:
    if size > limit:
        advice = "split it by symbols or years, and write row groups of at most a million rows"
        raise DataError(
            f"{path} is too large", f"{why} in memory, the limit is {_gib(limit)}", advice
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _read_text(path: Path) -> Sheet:
    """Read every column as text: the schema, not a sample of rows, decides what a value is."""
    cells = read_cells(path)
    long = unstacked(cells)
    if long is not None:
        return Sheet(long, stacked=True)
    first = [cell or "" for cell in cells.row(0)]
    if any(re.fullmatch(r"\$?-?\d+([.,]\d+)*", cell) for cell in first):  # bars, not headings
        return Sheet(cells.rename({name: str(n) for n, name in enumerate(cells.columns, 1)}))
    headings: list[str] = []
    for number, cell in enumerate(first, 1):
        name = cell or str(number)
        headings.append(name if name not in headings else f"{name} ({number})")
    return Sheet(cells[1:].rename(dict(zip(cells.columns, headings, strict=True))))


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
