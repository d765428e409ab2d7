"""Block files of the lake: the bars of some symbols, with where each bar comes from."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from zlib import crc32

import polars as pl

from cluster.errors import DataError
from cluster.files import write_atomic
from cluster.locks import locked
from features.bars.schema import BAR_SCHEMA
from features.bars.symbols import spellings

BLOCKS = 16  # files a series and interval; a symbol stays in its block for good
AS_GIVEN = "as given"  # adjustment of bars that came in as a file, or are simulated
ORIGIN_SCHEMA = {
    "source": pl.String(),  # who this very bar was had from
    "adjustment": pl.String(),  # of its prices and volume: "split" or `AS_GIVEN`
    "retrieved": pl.Datetime("us", "UTC"),  # when it was had from a vendor, else null
}
KEY = ["symbol", "ts"]
_SCHEMA = {**BAR_SCHEMA, **ORIGIN_SCHEMA}
_FIRST_SCHEMA = {**BAR_SCHEMA, "source": pl.String()}  # of blocks written before there were vendors
_SPELT = {"ploutos.symbols": "canonical"}  # of blocks in which each symbol has its one spelling


def block_name(symbol: str) -> str:
    """The file that a symbol's bars are in."""
    return f"block-{crc32(symbol.encode()) % BLOCKS:02d}.parquet"


def blocks_of(folder: Path) -> list[Path]:
    """The blocks of a series, sorted."""
    return sorted(folder.glob("block-*.parquet"))


def scan_blocks(blocks: Iterable[Path]) -> pl.LazyFrame:
    """The bars of blocks, lazily: `BAR_SCHEMA`, `ORIGIN_SCHEMA` and `series`, the folder's name.

    Bars that an older version wrote under another spelling of their symbol have today's, except
    where the series has that bar already.

    Raises:
        DataError: a file is no such block.
    """
    spelt: list[pl.LazyFrame] = []
    renamed: list[pl.LazyFrame] = []
    for path in blocks:
        bars = _scan(path).with_columns(series=pl.lit(path.parent.name))
        names = old_spellings(path)
        if names:
            old = pl.col("symbol").is_in(list(names))
            renamed.append(bars.filter(old).with_columns(pl.col("symbol").replace(names)))
            bars = bars.filter(~old)
        spelt.append(bars)
    empty = pl.LazyFrame(schema={**_SCHEMA, "series": pl.String()})
    whole = pl.concat([empty, *spelt, *renamed])
    if renamed:
        whole = whole.unique([*KEY, "series"], keep="first", maintain_order=True)
    return whole


def has_origin(path: Path) -> bool:
    """Whether a block says how and when its bars were had; those of older versions do not.

    Raises:
        DataError: the file is no block; blocks are replaced atomically, so something else wrote it.
    """
    with _readable(path):
        schema = dict(pl.scan_parquet(path, glob=False).collect_schema())
    if schema not in (_SCHEMA, _FIRST_SCHEMA):
        raise damaged(path, f"it has the columns {', '.join(schema)}")
    return schema == _SCHEMA


def old_spellings(path: Path) -> dict[str, str]:
    """Symbols of a block that an older version wrote otherwise, and their spelling of today.

    Raises:
        DataError: the file is no block.
    """
    with _readable(path):
        if _SPELT.items() <= pl.read_parquet_metadata(path).items():
            return {}
        symbols = pl.scan_parquet(path, glob=False).select(pl.col("symbol").unique()).collect()
    return spellings(symbols["symbol"])


def merge_block(path: Path, bars: pl.DataFrame, *, replace: bool = False) -> None:
    """Put bars of `BAR_SCHEMA` and `ORIGIN_SCHEMA` into a block; the file is replaced atomically.

    Args:
        path: The block; it need not exist.
        bars: They win over bars of the same symbol and time that are there.
        replace: Drop first all that the block has of the symbols of `bars`.
    """
    if path.exists():
        kept = _scan(path)
        if replace:
            kept = kept.filter(~pl.col("symbol").is_in(bars["symbol"].unique().implode()))
        bars = pl.concat([kept.collect(), bars])
        bars = bars.unique(KEY, keep="last", maintain_order=True)
    write_block(path, bars)


def write_block(path: Path, bars: pl.DataFrame) -> None:
    """Replace a block by these bars of `BAR_SCHEMA` and `ORIGIN_SCHEMA`; by nothing if empty."""
    if bars.is_empty():
        path.unlink(missing_ok=True)
        return
    buffer = BytesIO()
    spelt = not spellings(bars["symbol"].unique())
    bars.sort(KEY).write_parquet(
        buffer, compression="zstd", statistics=True, metadata=_SPELT if spelt else None
    )
    write_atomic(path, buffer.getvalue())


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it when its holder dies."""
    with locked(folder / ".lock"):
        yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, with every bar in the block of its symbol's one spelling."""
    with only_writer(folder):
        _respell(folder)
        yield


def damaged(path: Path, why: str) -> DataError:
    """What to say of a file that is no block."""
    return DataError(
        f"lake block {path} is damaged", why, "ploutos data repair (it is set aside, not deleted)"
    )


def refuse_damaged(path: Path) -> None:
    """Read all of a block, with Arrow: Polars may end the process over a damaged file.

    Raises:
        DataError: it is damaged.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    has_origin(path)
    try:
        with ParquetFile(path, page_checksum_verification=True) as file:
            file.read().validate(full=True)
    except (ArrowException, OSError) as error:
        raise damaged(path, str(error).splitlines()[0]) from error


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise damaged(path, str(error).splitlines()[0]) from error


def _scan(path: Path) -> pl.LazyFrame:
    bars = pl.scan_parquet(path, glob=False)
    if has_origin(path):
        return bars
    return bars.with_columns(
        adjustment=pl.lit(AS_GIVEN), retrieved=pl.lit(None, dtype=ORIGIN_SCHEMA["retrieved"])
    )


def _respell(folder: Path) -> None:
    """Move bars under an older spelling to where today's belongs.

    They leave their old place only when all are in the new one: a crash in between leaves them in
    both, which `scan_blocks` reads once, and the next writer completes it.
    """
    old = {}
    for path in blocks_of(folder):
        with suppress(DataError):  # it is damaged, and whoever needs it will say so
            old[path] = old_spellings(path)
    for path, names in old.items():
        for symbol, name in names.items():
            moved = _scan(path).filter(pl.col("symbol") == symbol).collect()
            moved = moved.with_columns(symbol=pl.lit(name))
            target = folder / block_name(name)
            if target.exists():
                moved = moved.join(_scan(target).collect(), on=KEY, how="anti")
            merge_block(target, moved)
    for path, names in old.items():
        if names:
            kept = _scan(path).filter(~pl.col("symbol").is_in(list(names)))
            write_block(path, kept.collect())
