"""`ploutos data import`: files of bars into the lake."""

import shlex
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, print_fields
from apps.cli.watching import watching
from apps.commands.data import quality as data_quality
from apps.commands.data.bar_output import span

if TYPE_CHECKING:
    from features.formats.into_lake import Landed
    from features.formats.read import FileBars

_FROM_FILES = "file"  # source of bars of files, unless one is named
_SHOWN = 20  # failed files that are printed


def import_bars(
    path: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="Bars, of any maker.")],
    *,
    symbol: Annotated[str, typer.Option(help="Whose bars; default: the file's name.")] = "",
    columns: Annotated[
        str, typer.Option(metavar="ts=Date,...", help="Headings that do not tell.")
    ] = "",
    epoch: Annotated[str, typer.Option(help="s, ms, us or ns; default: by their size.")] = "",
    interval: Annotated[str, typer.Option(help="Such as 1h; default: as spaced.")] = "",
    zone: Annotated[
        str, typer.Option(help="Of times without offset; default: UTC.", metavar="AREA/CITY")
    ] = "",
    dates: Annotated[str, typer.Option(help="mdy or dmy, of dates such as 03/04/2024.")] = "",
    source: Annotated[str, typer.Option(help="Where the bars come from.")] = _FROM_FILES,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Set bad bars aside.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="In the place of all that the source has of them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a file of bars, or a folder of files, and write it to the lake.

    Files as Yahoo, yfinance, Stooq, Nasdaq, Polygon, TradingView, Investing.com, FinRL, Kaggle
    and Alpaca make them are recognised. A folder may be imported again after an interruption;
    exit code 1 when one of its files was not read.

    Example: ploutos data import AAPL.csv --zone America/New_York
    """
    from cluster.errors import UsageError
    from cluster.settings import home
    from features import Lake
    from features.formats.into_lake import import_files, known_intervals
    from features.formats.read import read_file
    from features.formats.reading import Reading

    heads = Reading.columns_of(columns)
    named = source if source != _FROM_FILES else ""
    said = Reading(symbol, heads, epoch, interval, zone, dates, named)
    lake = Lake(home().lake)

    def read(file: Path) -> "FileBars":
        known = partial(known_intervals, lake)
        return read_file(file, said, drop_bad=drop_bad, known=known)

    if not path.is_dir():
        (landed,) = import_files([path], lake, read, source, replace=replace)
        _emit_file(_document(landed, source), as_json)
        return
    if symbol:
        raise UsageError(f"--symbol {symbol}", "it is for one file", "leave it out for a folder")
    files = _files(path)
    with watching("importing") as report:
        tally = _Tally(source)
        for landed in import_files(files, lake, read, source, replace=replace):
            tally.add(landed)
            report(tally.done, len(files), landed.path.name)
    emit(tally.document(), as_json, tally.render)
    if tally.failed:
        raise typer.Exit(1)


def _files(folder: Path) -> list[Path]:
    """The files of bars below a folder, sorted."""
    from cluster.errors import DataError
    from features.formats.files import SUFFIXES

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        why = f"no file below it ends in {', '.join(SUFFIXES)}"
        raise DataError(f"{folder} has no files of bars", why, f"ls {shlex.quote(str(folder))}")
    return files


def _emit_file(document: dict[str, Any], as_json: bool) -> None:
    shown = {name: value for name, value in document.items() if value != {}}
    emit(document, as_json, lambda console: print_fields(console, shown))


def _document(landed: "Landed", source: str) -> dict[str, Any]:
    """What one file brought; its bad bars go into the quarantine.

    Raises:
        PloutosError: it brought nothing.
    """
    if landed.error is not None:
        raise landed.error
    read = landed.read
    assert read is not None
    data_quality.keep_rejected(read.bad, source)
    return {
        **span(read.bars.frame),
        "interval": read.interval,
        "maker": read.maker,
        "source": source,
        "dropped": read.bad.height,
        "new": landed.new,
        "rebased": dict(landed.rebased),
    }


class _Tally:
    """What the files of a folder brought together."""

    def __init__(self, source: str) -> None:
        self.done = 0
        self.failed: list[dict[str, str]] = []
        self._source = source
        self._brought: list[dict[str, Any]] = []

    def add(self, landed: "Landed") -> None:
        """Count a file."""
        self.done += 1
        if landed.error is None:
            self._brought.append(_document(landed, self._source))
            return
        error = landed.error
        reason = {"what": error.what, "why": error.why, "next": error.next_command}
        self.failed.append({"file": str(landed.path), **reason})

    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        brought = self._brought
        return {
            "files": self.done,
            "imported": sum(one["new"] > 0 for one in brought),
            "unchanged": sum(one["new"] == 0 for one in brought),
            "failed": self.failed,
            "bars": sum(one["bars"] for one in brought),
            "new": sum(one["new"] for one in brought),
            "dropped": sum(one["dropped"] for one in brought),
            "first": min((one["first"] for one in brought), default=None),
            "last": max((one["last"] for one in brought), default=None),
            "intervals": dict(Counter(one["interval"] for one in brought)),
            "makers": dict(Counter(one["maker"] for one in brought)),
            "source": self._source,
        }

    def render(self, console: Console) -> None:
        """Print the sums, and the first of the files that failed."""
        print_fields(console, {**self.document(), "failed": len(self.failed)})
        for failed in self.failed[:_SHOWN]:
            console.print(f"failed: {failed['what']}: {failed['why']}", markup=False)
            console.print(f"  next: {failed['next']}", markup=False)
        if len(self.failed) > _SHOWN:
            console.print(f"{len(self.failed) - _SHOWN:,} failed files more (--json for all)")
