"""Bar files: Parquet and CSV in, checked bars out."""

import shlex
from collections.abc import Callable
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from features.bars import check_bars

_SUFFIXES = (".parquet", ".csv")


def read_bars(path: Path | str) -> pl.DataFrame:
    """Read a Parquet or CSV file of bars and check it.

    Returns:
        Bars of `BAR_SCHEMA`, sorted by (symbol, ts).

    Raises:
        DataError: the file is missing, unreadable, or holds a bar that `check_bars` refuses.
    """
    file = shlex.quote(str(path))
    advice = (
        f"ploutos data check {file} lists every bad bar; "
        f"ploutos data import {file} --drop-bad sets them aside"
    )
    return check_bars(read_raw(path), origin=str(path), next_command=advice)


def read_raw(path: Path | str) -> pl.DataFrame:
    """Read a Parquet or CSV file as it is, for `check_bars`, `list_defects` or `split_bad`.

    Raises:
        DataError: the file is missing, is a folder, has another suffix, or cannot be parsed.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(
            f"no bar file {path}", "there is no such file", f"ls {_quoted(path.parent)}"
        )
    if path.is_dir():
        raise DataError(f"{path} is not a bar file", "it is a folder", f"ls {_quoted(path)}")
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise DataError(
            f"cannot read {path}",
            f"the suffix is {suffix or 'missing'!r}, not {' or '.join(_SUFFIXES)}",
            "convert it to Parquet or CSV, or rename it if it already is one",
        )
    return _parse(path, _read_parquet if suffix == ".parquet" else _read_csv)


def _parse(path: Path, reader: Callable[[Path], pl.DataFrame]) -> pl.DataFrame:
    from pyarrow import ArrowException

    broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ArrowException)
    try:
        return reader(path)
    except pl.exceptions.NoDataError as error:
        advice = f"ls -l {_quoted(path)}"
        raise DataError(f"{path} has no bars", "the file is empty", advice) from error
    except (*broken, OSError, UnicodeDecodeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        kind = path.suffix.lower().lstrip(".")
        advice = f"ls -l {_quoted(path)} (was it copied whole?)"
        raise DataError(f"{path} is not a readable {kind} file", why, advice) from error


def _read_parquet(path: Path) -> pl.DataFrame:
    """Read with Arrow, which refuses a damaged file; Polars may end the process over one."""
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read()
    table.validate(full=True)
    plain = pyarrow.schema([(field.name, field.type) for field in table.schema])  # no metadata
    return pl.DataFrame(pyarrow.Table.from_arrays(table.columns, schema=plain))


def _read_csv(path: Path) -> pl.DataFrame:
    """Read every column as text: the schema, not a sample of rows, decides what a value is."""
    text = pl.read_csv(path, infer_schema=False, null_values=[""])
    return text.with_columns(pl.all().str.strip_chars())


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
