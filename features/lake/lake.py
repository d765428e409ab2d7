"""The lake: checked bars as Parquet, whole or absent, by interval, series and symbol block."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl

from cluster.errors import DataError, UsageError
from cluster.files import canonical_json, sha256_of
from features.bars.checks import Bars, CheckedBars, check_bars, dated_at_midnight, split_bad
from features.bars.schema import BAR_SCHEMA
from features.bars.symbols import canonical
from features.lake.blocks import (
    AS_GIVEN,
    ORIGIN_SCHEMA,
    block_name,
    blocks_of,
    has_origin,
    merge_block,
    old_spellings,
    scan_blocks,
    writing,
)
from features.lake.origins import is_simulated
from features.lake.query import SeriesBlocks, query

_INTERVAL = re.compile(r"[1-9][0-9]{0,3}[smhdw]")
_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_IMPORT = "ploutos data import FILE"
_REPAIR = "ploutos data repair (it sets them aside, and can put them back)"
_STATUS_SCHEMA = {
    "interval": pl.String(),
    "source": pl.String(),
    "symbols": pl.Int64(),
    "bars": pl.Int64(),
    "first": BAR_SCHEMA["ts"],
    "last": BAR_SCHEMA["ts"],
    "joined": pl.Int64(),
    "adjustment": ORIGIN_SCHEMA["adjustment"],
    "retrieved": ORIGIN_SCHEMA["retrieved"],
}


class Lake:
    """Bars under `root/<interval>/<series>/block-NN.parquet`, NN = CRC-32 of the symbol mod 16.

    A series is named by the source that it began with. Bars of another source are in it only if
    their writer has proven them equal (`features.sources.series`), and say so in their column
    `source`. A bar that two series have appears twice, told apart by the column `series`. Nothing
    is created before the first write.

    Args:
        root: The folder.
        on_fault: Told of every block that is damaged, and of stored bars that today's rules refuse;
            they are left out. None: they are raised.
    """

    def __init__(self, root: Path, on_fault: Callable[[DataError], None] | None = None) -> None:
        self.root = root.absolute()
        self._on_fault = on_fault

    def write(
        self,
        bars: Bars,
        *,
        interval: str,
        source: str,
        adjustment: str = AS_GIVEN,
        retrieved: datetime | None = None,
        series: str | None = None,
        replace: bool = False,
    ) -> None:
        """Merge bars into what is there; on the same (symbol, ts) the later write wins.

        Each block is replaced atomically: a crash leaves every block as it was or as it will be,
        and the same write again completes it. Writers of one series wait for each other.

        Args:
            bars: Checked bars, or any frame that `check_bars` accepts.
            interval: Such as `1h`.
            source: Who the bars were had from.
            adjustment: What their prices are adjusted for.
            retrieved: When they were had from a vendor, UTC.
            series: The series that they join; None: that of `source`.
            replace: Drop first what the series has of these symbols.

        Raises:
            DataError: a bad bar, or a damaged block.
            UsageError: an interval, source or series that is no plain name.
            PloutosError: the disk is full, read-only or forbidden.
        """
        self.folder(interval, source)
        folder = self.folder(interval, series or source)
        rows = check_bars(bars, origin=f"bars of {source}").frame
        if interval == "1d":
            rows = dated_at_midnight(rows)
        rows = rows.with_columns(
            source=pl.lit(source, dtype=ORIGIN_SCHEMA["source"]),
            adjustment=pl.lit(adjustment, dtype=ORIGIN_SCHEMA["adjustment"]),
            retrieved=pl.lit(retrieved, dtype=ORIGIN_SCHEMA["retrieved"]),
        )
        block_of = {symbol: block_name(symbol) for symbol in rows["symbol"].unique()}
        rows = rows.with_columns(block=pl.col("symbol").replace_strict(block_of))
        with writing(folder):
            for name, part in rows.partition_by("block", include_key=False, as_dict=True).items():
                merge_block(folder / name[0], part, replace=replace)

    def scan(
        self,
        interval: str,
        *,
        source: str | None = None,
        symbols: Iterable[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.LazyFrame:
        """Bars of an interval, sorted by (symbol, ts, series).

        Args:
            interval: Such as `1h`.
            source: Of the series that began with this source; of all when None.
            symbols: Which symbols; all when None. A symbol that the lake lacks has no rows.
            start: First time, a date or a datetime (UTC unless it has an offset).
            end: Last time, included; a date stands for its whole day.

        Returns:
            `BAR_SCHEMA`, the origin of each bar (`ORIGIN_SCHEMA`), and `series`.

        Raises:
            DataError: the lake holds nothing of that interval and source, or a block is damaged.
            UsageError: an interval or source that is no plain name.
        """
        files = self.blocks(interval, source)
        if not files:
            of = f" of source {source}" if source else ""
            raise DataError(f"no {interval} bars{of} in the lake", str(self.root), _IMPORT)
        if symbols is None:
            bars = scan_blocks(self._sound(files))
        else:
            chosen = set(map(canonical, symbols))
            names = {block_name(symbol) for symbol in chosen}
            having = [file for file in files if file.name in names or _has_old(file, chosen)]
            bars = scan_blocks(self._sound(having))
            bars = bars.filter(pl.col("symbol").is_in(sorted(chosen)))
        if start is not None:
            bars = bars.filter(pl.col("ts") >= _moment(start))
        if end is not None:
            bars = bars.filter(pl.col("ts") <= _moment(end, whole_day=True))
        return bars.sort("symbol", "ts", "series")

    def usable(self, stored: pl.DataFrame, origin: str) -> CheckedBars:
        """Bars of one series, checked again: rules may have come since they were written.

        Args:
            stored: From `scan`.
            origin: Where they come from, for the message.

        Raises:
            DataError: there are none, or bars are refused and nobody is told of it instead.
        """
        try:
            return check_bars(stored, origin=origin, next_command=_REPAIR)
        except DataError as fault:
            if self._on_fault is None or stored.is_empty():
                raise
            self._on_fault(fault)
            return split_bad(stored, origin=origin)[0]

    def sql(self, statement: str) -> pl.DataFrame:
        """Answer one SELECT over the view `bars`: the columns of `scan`, and `interval`.

        DuckDB sees the lake's bars and nothing else, and writes nothing.

        Raises:
            UsageError: the statement is wrong, or is no single SELECT.
            DataError: the lake is empty, or a block is damaged.
        """
        parts = ((interval, name, self._sound(blocks)) for interval, name, blocks in self.parts())
        series = [SeriesBlocks(*part) for part in parts if part[2]]
        if not series:
            raise DataError("the lake is empty", f"no bars in {self.root}", _IMPORT)
        return query(statement, series)

    def fingerprint(self, interval: str, source: str | None = None) -> str:
        """SHA-256 (hex) of what `scan` reads: it changes with any bar of the interval and source.

        Raises:
            UsageError: an interval or source that is no plain name.
        """
        files = self.blocks(interval, source)
        content = [[str(file.relative_to(self.root)), sha256_of(file)] for file in files]
        return sha256(canonical_json(content)).hexdigest()

    def status(self, *, by_symbol: bool = False) -> pl.DataFrame:
        """One row an interval and series, or a symbol of it.

        Returns:
            `interval`, `source` (that the series began with), `symbols` (or `symbol`), `bars`,
            `first` and `last` bar time, `joined` (bars of other sources in it), `adjustment` of its
            prices, and `retrieved` (the last time bars were had from a vendor, else null).

        Raises:
            DataError: a block is damaged.
        """
        found = [
            scan_blocks(self._sound(blocks))
            .group_by("symbol" if by_symbol else "series")
            .agg(
                interval=pl.lit(interval),
                source=pl.lit(series),
                symbols=pl.col("symbol").n_unique().cast(pl.Int64),
                bars=pl.len().cast(pl.Int64),
                first=pl.col("ts").min(),
                last=pl.col("ts").max(),
                joined=(pl.col("source") != series).sum().cast(pl.Int64),
                adjustment=pl.col("adjustment").unique().sort().str.join(", "),
                retrieved=pl.col("retrieved").max(),
            )
            for interval, series, blocks in self.parts()
        ]
        schema = dict(_STATUS_SCHEMA)
        if by_symbol:
            schema = {"symbol" if n == "symbols" else n: t for n, t in schema.items()}
            schema["symbol"] = pl.String()
        rows = [frame.select(*schema) for frame in found]
        status = pl.concat([pl.LazyFrame(schema=schema), *rows]).collect()
        return status.sort("interval", "source", *(["symbol"] if by_symbol else []))

    def series(self, interval: str | None = None) -> list[str]:
        """The names of the series that hold bars, of one interval or of any, sorted."""
        parts = self.parts()
        return sorted({series for of, series, _ in parts if interval in (None, of)})

    def has_real_bars(self) -> bool:
        """Whether it holds bars of any interval that are not the simulated market's."""
        return not all(is_simulated(series) for series in self.series())

    def folder(self, interval: str, series: str) -> Path:
        """The folder of an interval and series, which no name can lead out of the root.

        Raises:
            UsageError: an interval or series that is no plain name.
        """
        if not _INTERVAL.fullmatch(interval):
            why = "it must be such as 5m, 1h or 1d"
            raise UsageError(f"interval {interval!r}", why, "ploutos data status")
        if not _SOURCE_NAME.fullmatch(series):
            why = "it must be up to 32 of a-z, 0-9, _ and -, and start with a letter or digit"
            raise UsageError(f"source {series!r}", why, "ploutos data status")
        return self.root / interval / series

    def blocks(self, interval: str, source: str | None = None) -> list[Path]:
        """The files of an interval, sorted; of the series that began with `source` when given.

        Raises:
            UsageError: an interval or source that is no plain name.
        """
        folder = self.folder(interval, source or "any")
        if source is not None:
            return blocks_of(folder)
        return [block for series in sorted(folder.parent.glob("*/")) for block in blocks_of(series)]

    def parts(self) -> Iterator[tuple[str, str, list[Path]]]:
        """Interval, series and blocks of every folder that holds bars."""
        for folder in sorted(self.root.glob("*/*/")):
            blocks = blocks_of(folder)
            if blocks:
                yield folder.parent.name, folder.name, blocks

    def _sound(self, blocks: Iterable[Path]) -> list[Path]:
        """The blocks that can be read; who is told of the others, or a `DataError`."""
        sound = []
        for block in blocks:
            try:
                has_origin(block)
                sound.append(block)
            except DataError as fault:
                if self._on_fault is None:
                    raise
                self._on_fault(fault)
        return sound


def _has_old(block: Path, symbols: set[str]) -> bool:
    """Whether a block has bars of one of the symbols under an older spelling."""
    try:
        return not symbols.isdisjoint(old_spellings(block).values())
    except DataError:  # it is damaged: nothing is known of it
        return False


def _moment(day: date, *, whole_day: bool = False) -> datetime:
    if isinstance(day, datetime):
        return day.astimezone(UTC) if day.tzinfo else day.replace(tzinfo=UTC)
    start = datetime.combine(day, time(), tzinfo=UTC)
    return start + timedelta(days=1, microseconds=-1) if whole_day else start
