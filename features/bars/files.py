"""Bar files: Parquet and CSV in, checked bars out."""

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cluster.errors import DataError
from features.bars.checks import CheckedBars, check_bars, split_bad
from features.bars.file_consistency import mixed_intervals, refuse_mixture
from features.bars.schema import BAR_COLUMNS

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

MAX_ROW_GROUP = 2**30  # bytes in memory; a larger one is refused unread
MAX_FILE = 2**32  # bytes in memory
_SUFFIXES = (".parquet", ".csv")


def read_bars(path: Path | str, *, now: datetime | None = None) -> CheckedBars:
    """Read a Parquet or CSV file of bars and check it.

    Args:
        path: The file.
        now: UTC; bars that are not over by then are refused. By default the clock's.

    Raises:
        DataError: the file is missing, unreadable or too large, holds a bar that `check_bars`
            refuses, mixes intervals, or has times of another zone.
    """
    file = shlex.quote(str(path))
    advice = (
        f"ploutos data check {file} lists every bad bar; "
        f"ploutos data import {file} --drop-bad sets them aside"
    )
    now = now or datetime.now(UTC)
    bars = check_bars(read_raw(path), origin=str(path), next_command=advice, now=now)
    refuse_mixture(
        bars.frame, origin=str(path), next_command=f"ploutos data import {file} --drop-bad"
    )
    return bars


def split_file(
    path: Path | str, *, now: datetime | None = None
) -> tuple[CheckedBars, pl.DataFrame]:
    """Read a file and separate its good bars from those that `read_bars` would refuse.

    Returns:
        As `features.bars.checks.split_bad`; symbols of another interval than most are bad, too.

    Raises:
        DataError: the file is missing, unreadable or too large, or has times of another zone.
    """
    good, bad = split_bad(read_raw(path), origin=str(path), now=now or datetime.now(UTC))
    odd = mixed_intervals(good.frame)
    reason = pl.format("is a bar of {} among bars of {}", "interval", "expected")
    mixed = good.frame.join(odd, on="symbol").with_columns(reason=reason)
    row = pl.lit(None, dtype=bad.schema["row"]).alias("row")
    bad = pl.concat([bad, mixed.select(row, *BAR_COLUMNS, "reason")])
    good = good.filter(~pl.col("symbol").is_in(odd["symbol"].implode()))
    if good.frame.height:
        refuse_mixture(good.frame, origin=str(path))
    return good, bad


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
        _refuse_size(path, file.metadata)
        table = file.read()
    table.validate(full=True)
    plain = pyarrow.schema([(field.name, field.type) for field in table.schema])  # no metadata
    return pl.DataFrame(pyarrow.Table.from_arrays(table.columns, schema=plain))


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


def _read_csv(path: Path) -> pl.DataFrame:
    """Read every column as text: the schema, not a sample of rows, decides what a value is."""
    size = path.stat().st_size
    _refuse_above(path, f"its text is {_gib(size)}", size, MAX_FILE)
    text = pl.read_csv(path, infer_schema=False, null_values=[""], glob=False)
    return text.with_columns(pl.all().str.strip_chars())


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
