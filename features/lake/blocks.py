"""Block files of the lake: the bars of some symbols, with where each bar comes from."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from zlib import crc32

import polars as pl

from cluster.errors import DataError
from cluster.files import write_atomic
from cluster.locks import locked
from features.bars.schema import BAR_SCHEMA

BLOCKS = 16  # files a series and interval; a symbol stays in its block for good
AS_GIVEN = "as given"  # adjustment of bars that came in as a file, or are simulated
ORIGIN_SCHEMA = {
    "source": pl.String(),  # who this very bar was had from
    "adjustment": pl.String(),  # of its prices and volume: "split" or `AS_GIVEN`
    "retrieved": pl.Datetime("us", "UTC"),  # when it was had from a vendor, else null
}
_SCHEMA = {**BAR_SCHEMA, **ORIGIN_SCHEMA}
_FIRST_SCHEMA = {**BAR_SCHEMA, "source": pl.String()}  # of blocks written before there were vendors


def block_name(symbol: str) -> str:
    """The file that a symbol's bars are in."""
    return f"block-{crc32(symbol.encode()) % BLOCKS:02d}.parquet"


def scan_block(path: Path) -> pl.LazyFrame:
    """The bars of a block, lazily: `BAR_SCHEMA` and `ORIGIN_SCHEMA`.

    Raises:
        DataError: the file is no such block.
    """
    bars = pl.scan_parquet(path)
    if has_origin(path):
        return bars
    return bars.with_columns(
        adjustment=pl.lit(AS_GIVEN), retrieved=pl.lit(None, dtype=ORIGIN_SCHEMA["retrieved"])
    )


def has_origin(path: Path) -> bool:
    """Whether a block says how and when its bars were had; those of older versions do not.

    Raises:
        DataError: the file is no block; blocks are replaced atomically, so something else wrote it.
    """
    try:
        schema = dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0]
        raise _damaged(path, why) from error
    if schema not in (_SCHEMA, _FIRST_SCHEMA):
        raise _damaged(path, f"it has the columns {', '.join(schema)}")
    return schema == _SCHEMA


def merge_block(path: Path, bars: pl.DataFrame, *, replace: bool) -> None:
    """Put bars of `BAR_SCHEMA` and `ORIGIN_SCHEMA` into a block; the file is replaced atomically.

    Args:
        path: The block; it need not exist.
        bars: They win over bars of the same symbol and time that are there.
        replace: Drop first all that the block has of the symbols of `bars`.
    """
    if path.exists():
        kept = scan_block(path)
        if replace:
            kept = kept.filter(~pl.col("symbol").is_in(bars["symbol"].unique().implode()))
        bars = pl.concat([kept.collect(), bars])
        bars = bars.unique(["symbol", "ts"], keep="last", maintain_order=True)
    buffer = BytesIO()
    bars.sort("symbol", "ts").write_parquet(buffer, compression="zstd", statistics=True)
    write_atomic(path, buffer.getvalue())


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it when its holder dies."""
    with locked(folder / ".lock"):
        yield


def _damaged(path: Path, why: str) -> DataError:
    advice = f"rm {path}, then ploutos data import FILE or ploutos data fetch SYMBOL"
    return DataError(f"lake block {path} is damaged", why, advice)
