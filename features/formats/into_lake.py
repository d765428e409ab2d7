"""Files of bars into the lake: what is new is written, and never on another basis of prices."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cluster.errors import DataError, PloutosError
from features.bars.intervals import INTERVALS
from features.bars.rebase import PriceRatio, price_ratio
from features.bars.schema import BAR_COLUMNS, BAR_SCHEMA
from features.formats.read import FileBars
from features.formats.reading import Reading
from features.lake.lake import Lake

TOLERANCE = 0.01  # relative; more than corrections of single bars explain
ENOUGH = 20  # common bars on which one ratio beyond rounding is another basis
_TOGETHER = 32  # files that are written in one go


@dataclass(frozen=True)
class Landed:
    """What came of one file.

    Args:
        path: The file.
        read: What it has; None when it could not be read.
        new: Bars that the lake did not have so.
        rebased: By which ratio the closes of each symbol differed from those that they replaced.
        error: Why nothing of it is in the lake; None when all is.
    """

    path: Path
    read: FileBars | None = None
    new: int = 0
    rebased: Mapping[str, float] = field(default_factory=dict)
    error: PloutosError | None = None


def import_files(
    paths: Iterable[Path],
    lake: Lake,
    read: Callable[[Path], FileBars],
    source: str,
    *,
    replace: bool = False,
) -> Iterator[Landed]:
    """Read files and write them to the lake, each whole or not at all; one failure stops no other.

    The same call again writes only what is not there yet.

    Args:
        paths: The files.
        lake: Where the bars go.
        read: Reads one file.
        source: Of the series.
        replace: Put the bars in the place of all that the series has of their symbols.

    Raises:
        DataError: a damaged block.
        UsageError: a source that is no plain name.
    """
    lake.folder("1d", source)  # refuses a source that is no plain name
    waiting: list[tuple[Path, FileBars]] = []
    for path in paths:
        try:
            found = read(path)
        except PloutosError as error:
            yield Landed(path, error=error)
            continue
        if waiting and not _fits(found, waiting):
            yield from _land(waiting, lake, source, replace)
            waiting = []
        waiting.append((path, found))
    if waiting:
        yield from _land(waiting, lake, source, replace)


def known_intervals(lake: Lake, symbols: Sequence[str]) -> set[str]:
    """The intervals of which the lake has bars of any of these symbols."""
    return {
        interval
        for interval in INTERVALS
        if lake.blocks(interval)
        and lake.scan(interval, symbols=symbols).select("symbol").head(1).collect().height
    }


def is_apart(ratio: PriceRatio) -> bool:
    """Whether a series of the same source is on another basis of prices."""
    return abs(ratio.median - 1) > TOLERANCE or (ratio.bars >= ENOUGH and ratio.rebased)


def _fits(found: FileBars, waiting: Sequence[tuple[Path, FileBars]]) -> bool:
    """Whether a file can be written with those that wait: other symbols, and the same interval."""
    symbols = {symbol for _, read in waiting for symbol in read.bars.symbols}
    same = found.interval == waiting[0][1].interval
    return same and len(waiting) < _TOGETHER and not symbols & set(found.bars.symbols)


def _land(
    files: Sequence[tuple[Path, FileBars]], lake: Lake, source: str, replace: bool
) -> list[Landed]:
    """Write files of one interval and of different symbols."""
    held = _held(lake, source, [read for _, read in files])
    landed = []
    for path, read in files:
        bars = read.bars.frame
        apart = {symbol: ratio for symbol, ratio in _ratios(held, bars) if is_apart(ratio)}
        new = bars.join(held, on=BAR_COLUMNS, how="anti").height
        if apart and not replace:
            landed.append(Landed(path, read, error=_other_basis(path, read.reading, apart, source)))
        else:
            medians = {symbol: ratio.median for symbol, ratio in apart.items()}
            landed.append(Landed(path, read, new, medians))
    chosen = [one.read.bars.frame for one in landed if one.read and not one.error and one.new]
    if replace:
        chosen = [read.bars.frame for _, read in files]
    if chosen:
        interval = files[0][1].interval
        lake.write(pl.concat(chosen), interval=interval, source=source, replace=replace)
    return landed


def _held(lake: Lake, source: str, files: Sequence[FileBars]) -> pl.DataFrame:
    """What the series has of the symbols of these files."""
    interval = files[0].interval
    if not lake.blocks(interval, source):
        return pl.DataFrame(schema=BAR_SCHEMA)
    symbols = [symbol for read in files for symbol in read.bars.symbols]
    return lake.scan(interval, source=source, symbols=symbols).select(BAR_COLUMNS).collect()


def _ratios(held: pl.DataFrame, bars: pl.DataFrame) -> Iterator[tuple[str, PriceRatio]]:
    """The ratio of each symbol of `bars` that is held."""
    ours = held.partition_by("symbol", as_dict=True)
    common = bars.filter(pl.col("symbol").is_in(held["symbol"].unique().implode()))
    for (symbol,), theirs in common.partition_by("symbol", as_dict=True).items():
        yield str(symbol), price_ratio(ours[symbol,], theirs)


def _other_basis(
    path: Path, reading: Reading, apart: Mapping[str, PriceRatio], source: str
) -> DataError:
    symbol, ratio = next(iter(apart.items()))
    more = f", and {len(apart) - 1} symbols more" if len(apart) > 1 else ""
    why = (
        f"its closes are {ratio.median:.4g} times those of the lake in the median of "
        f"{ratio.bars} common bars{more}: adjusted for other splits or dividends"
    )
    command = reading.command(path, "--replace")
    advice = f"{command} (the whole series of the file's symbols), or another --source NAME"
    return DataError(f"{path}: {symbol} is not on the prices of source {source}", why, advice)
