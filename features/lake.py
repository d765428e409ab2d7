"""The lake: checked bars as Parquet, whole or absent, by interval, source and symbol block."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from zlib import crc32

import polars as pl

from cluster.errors import DataError, UsageError
from cluster.files import storage_errors, write_atomic
from features.bars import check_bars, dated_at_midnight
from features.query import BarFiles, query
from features.schema import BAR_SCHEMA

BLOCKS = 16  # files a source and interval; a symbol stays in its block for good
SOURCE = pl.String()
_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[smhdw]")
_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_IMPORT = "ploutos data import FILE"


class Lake:
    """Bars under `root/<interval>/<source>/block-NN.parquet`, NN = CRC-32 of the symbol mod 16.

    Sources are never mixed inside one file; a bar that two sources have appears twice, told apart
    by the column `source`. Nothing is created before the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def write(self, bars: pl.DataFrame, *, interval: str, source: str) -> None:
        """Merge checked bars into what is there; on the same (symbol, ts) the later write wins.

        Each block is replaced atomically: a crash leaves every block as it was or as it will be,
        and the same write again completes it. Writers of one source wait for each other.

        Raises:
            DataError: a bad bar, or a damaged block.
            UsageError: an interval or source that is no plain name.
            PloutosError: the disk is full, read-only or forbidden.
        """
        folder = self._folder(interval, source)
        bars = check_bars(bars, origin=f"bars of {source}")
        if interval == "1d":
            bars = dated_at_midnight(bars)
        bars = bars.with_columns(source=pl.lit(source, dtype=SOURCE))
        file_of = {symbol: _file_name(symbol) for symbol in bars["symbol"].unique()}
        bars = bars.with_columns(file=pl.col("symbol").replace_strict(file_of))
        with _only_writer(folder):
            for file, part in bars.partition_by("file", include_key=False, as_dict=True).items():
                self._merge(folder / file[0], part)

    def scan(
        self,
        interval: str,
        *,
        source: str | None = None,
        symbols: Iterable[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Bars of an interval, `BAR_SCHEMA` + `source`, sorted by (symbol, ts, source).

        Args:
            interval: Such as `1h`.
            source: Of which source; of all when None.
            symbols: Which symbols; all when None. A symbol that the lake lacks has no rows.
            start: First time, a date or a datetime (UTC unless it has an offset).
            end: Last time, included; a date stands for its whole day.

        Raises:
            DataError: the lake holds nothing of that interval and source, or a block is damaged.
            UsageError: an interval or source that is no plain name.
        """
        folder = self._folder(interval, source or "any")
        pattern = f"{source}/block-*.parquet" if source else "*/block-*.parquet"
        files = sorted(folder.parent.glob(pattern))
        if not files:
            of = f" of source {source}" if source else ""
            raise DataError(f"no {interval} bars{of} in the lake", str(self.root), _IMPORT)
        chosen = set(symbols) if symbols is not None else None
        if chosen is not None:
            names = {_file_name(symbol) for symbol in chosen}
            files = [file for file in files if file.name in names] or files[:1]
        bars = pl.scan_parquet([_whole(file) for file in files])
        if chosen is not None:
            bars = bars.filter(pl.col("symbol").is_in(sorted(chosen)))
        if start is not None:
            bars = bars.filter(pl.col("ts") >= _moment(start))
        if end is not None:
            bars = bars.filter(pl.col("ts") <= _moment(end, whole_day=True))
        return bars.sort("symbol", "ts", "source")

    def sql(self, statement: str) -> pl.DataFrame:
        """Answer one SELECT over the view `bars`: the bars' columns, `source` and `interval`.

        DuckDB sees the lake's own files and nothing else, and writes nothing.

        Raises:
            UsageError: the statement is wrong, or is no single SELECT.
            DataError: the lake is empty, or a block is damaged.
        """
        files = [
            BarFiles(interval, [str(_whole(file)) for file in blocks])
            for interval, _, blocks in self._parts()
        ]
        if not files:
            raise DataError("the lake is empty", f"no bars in {self.root}", _IMPORT)
        return query(statement, files, self.root)

    def status(self) -> pl.DataFrame:
        """One row an interval and source: `symbols`, `bars`, and `first` and `last` bar time.

        Raises:
            DataError: a block is damaged.
        """
        found = [
            pl.scan_parquet([_whole(file) for file in blocks]).select(
                interval=pl.lit(interval),
                source=pl.lit(source),
                symbols=pl.col("symbol").n_unique().cast(pl.Int64),
                bars=pl.len().cast(pl.Int64),
                first=pl.col("ts").min(),
                last=pl.col("ts").max(),
            )
            for interval, source, blocks in self._parts()
        ]
        ts = BAR_SCHEMA["ts"]
        nothing = pl.LazyFrame(
            schema={
                "interval": pl.String(),
                "source": SOURCE,
                "symbols": pl.Int64(),
                "bars": pl.Int64(),
                "first": ts,
                "last": ts,
            }
        )
        return pl.concat([nothing, *found]).collect()

    def _parts(self) -> Iterator[tuple[str, str, list[Path]]]:
        """Interval, source and blocks of every folder that holds bars."""
        for folder in sorted(self.root.glob("*/*/")):
            blocks = sorted(folder.glob("block-*.parquet"))
            if blocks:
                yield folder.parent.name, folder.name, blocks

    def _folder(self, interval: str, source: str) -> Path:
        """The folder of an interval and source, which no name can lead out of the root."""
        if not _INTERVAL.fullmatch(interval):
            raise UsageError(f"interval {interval!r}", "it must be such as 5m, 1h or 1d")
        if not _SOURCE_NAME.fullmatch(source):
            why = "it must be up to 32 of a-z, 0-9, _ and -, and start with a letter or digit"
            raise UsageError(f"source {source!r}", why)
        return self.root / interval / source

    @staticmethod
    def _merge(path: Path, bars: pl.DataFrame) -> None:
        if path.exists():
            bars = pl.concat([pl.read_parquet(_whole(path)), bars])
            bars = bars.unique(["symbol", "ts"], keep="last", maintain_order=True)
        buffer = BytesIO()
        bars.sort("symbol", "ts").write_parquet(buffer, compression="zstd", statistics=True)
        write_atomic(path, buffer.getvalue())


def _file_name(symbol: str) -> str:
    return f"block-{crc32(symbol.encode()) % BLOCKS:02d}.parquet"


def _whole(path: Path) -> Path:
    """The path of a block that is a Parquet file of bars.

    Raises:
        DataError: it is not; blocks are replaced atomically, so something else wrote to it.
    """
    try:
        schema = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0]
        raise _damaged(path, why) from error
    if dict(schema) != {**BAR_SCHEMA, "source": SOURCE}:
        raise _damaged(path, f"it has the columns {', '.join(schema)}")
    return path


def _damaged(path: Path, why: str) -> DataError:
    return DataError(f"lake block {path} is damaged", why, f"rm {path}, then {_IMPORT}")


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel frees it when its holder dies."""
    from fcntl import LOCK_EX, flock

    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        flock(lock, LOCK_EX)
        yield


def _moment(day: date, *, whole_day: bool = False) -> datetime:
    if isinstance(day, datetime):
        return day.astimezone(UTC) if day.tzinfo else day.replace(tzinfo=UTC)
    start = datetime.combine(day, time(), tzinfo=UTC)
    return start + timedelta(days=1, microseconds=-1) if whole_day else start
