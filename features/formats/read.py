"""Bars from files: read as their maker wrote them, checked, and of one interval and clock."""

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from features.bars.checks import CheckedBars, check_bars, split_bad
from features.bars.file_consistency import mixed_intervals, other_zone, wrong_zone
from features.bars.intervals import INTERVALS, commonest, intervals_of_symbols
from features.bars.schema import BAR_COLUMNS
from features.formats.columns import BarTable, bar_table
from features.formats.daily import dated
from features.formats.files import read_sheet
from features.formats.reading import Reading

_FEW = 5  # bars of a symbol up to which gaps may hide the interval that is said
_NOTHING = Reading()
Known = Callable[[Sequence[str]], Collection[str]]


@dataclass(frozen=True, eq=False)
class FileBars:
    """What a file has.

    Args:
        bars: The good ones, a daily one at midnight UTC of its date.
        interval: One of `features.bars.intervals.INTERVALS`.
        maker: Who made the file.
        reading: How it was read.
        bad: Those that are not in `bars`, as of `features.bars.checks.split_bad`.
    """

    bars: CheckedBars
    interval: str
    maker: str
    reading: Reading
    bad: pl.DataFrame


def read_bars(path: Path | str, *, now: datetime | None = None) -> CheckedBars:
    """Read a file of bars and check it.

    Args:
        path: Parquet or text, of any maker that `features.formats.makers` knows.
        now: UTC; bars that are not over by then are refused. By default the clock's.

    Raises:
        DataError: the file is missing, unreadable or too large, holds a bar that `check_bars`
            refuses, mixes intervals, or has times of another zone.
    """
    return read_file(path, now=now).bars


def read_table(path: Path | str) -> pl.DataFrame:
    """The bars of a file as `read_bars` sees them before it checks them.

    Raises:
        DataError: the file is missing, unreadable, too large, or lacks columns.
    """
    table = bar_table(read_sheet(Path(path)), Path(path), _NOTHING)
    return _dated(table.rows, _spacing(table.rows) or table.interval)


def read_file(
    path: Path | str,
    reading: Reading = _NOTHING,
    *,
    drop_bad: bool = False,
    known: Known = lambda symbols: (),
    now: datetime | None = None,
) -> FileBars:
    """Read a file of bars as `reading` says, and check it.

    Args:
        path: Parquet or text.
        reading: What the file does not say itself.
        drop_bad: Set bad bars aside, and symbols of another interval than most.
        known: The intervals that bars of these symbols have elsewhere.
        now: As of `read_bars`.

    Raises:
        DataError: see `read_bars`; an interval that nothing can use; no bar is good.
        UsageError: `reading` does not fit the file.
    """
    path, now = Path(path), now or datetime.now(UTC)
    table = bar_table(read_sheet(path), path, reading)
    interval = _interval(table, path, reading, known)
    rows = _dated(table.rows, interval)
    if drop_bad:
        good, bad = split_bad(rows, origin=str(path), now=now, interval=interval)
        good, bad = _without_mixed(good, bad)
        if good.frame.is_empty():
            check = f"ploutos data check {shlex.quote(str(path))}"
            raise DataError(f"{path} has no good bar", f"all {bad.height} are bad", check)
    else:
        advice = f"{reading.command(path, '--drop-bad')} sets them aside"
        if reading == _NOTHING:
            advice = f"ploutos data check {shlex.quote(str(path))} lists every bad bar; {advice}"
        good = check_bars(rows, origin=str(path), next_command=advice, now=now, interval=interval)
        bad = rows.clear()
    _refuse_mixture(good, interval, path, reading)
    return FileBars(good, interval, table.maker, reading, bad)


def _spacing(rows: pl.DataFrame) -> str:
    """The interval that the times of bars tell, "" when no symbol has two."""
    timed = rows.filter(pl.col("ts").is_not_null(), pl.col("symbol").is_not_null())
    return commonest(intervals_of_symbols(timed))


def _interval(table: BarTable, path: Path, reading: Reading, known: Known) -> str:
    """The interval that is said, or seen, or known of the symbols."""
    seen = _spacing(table.rows)
    most = table.rows.group_by("symbol").len()["len"].to_list()
    if reading.interval and seen not in ("", reading.interval) and max(most, default=0) >= _FEW:
        why = f"the file has bars of {seen}"
        raise DataError(
            f"{path} is not of {reading.interval}", why, _without(reading, path, "interval")
        )
    interval = reading.interval or seen or table.interval
    timed = table.rows.filter(pl.col("ts").is_not_null(), pl.col("symbol").is_not_null())
    if not interval and timed.height:
        interval = _known(timed, known)
    if not interval and timed.height:
        why = "no symbol has two bars, and the lake does not tell"
        command = reading.command(path, "--interval", "1d")
        raise DataError(f"cannot tell the interval of {path}", why, command)
    if interval and interval not in INTERVALS:
        why = f"it has bars of {interval}, and nothing can use other than {', '.join(INTERVALS)}"
        raise DataError(f"cannot use {path}", why, "download it again as bars of 1d or 1h")
    return interval


def _known(timed: pl.DataFrame, known: Known) -> str:
    """The one interval that these symbols have elsewhere and that fits the times; "" else."""
    daily = bool((timed["ts"] == timed["ts"].dt.truncate("1d")).all())
    elsewhere = known(timed["symbol"].cast(pl.String).unique().to_list())
    fitting = [interval for interval in elsewhere if (interval == "1d") == daily]
    return fitting[0] if len(fitting) == 1 else ""


def _dated(rows: pl.DataFrame, interval: str) -> pl.DataFrame:
    return dated(rows) if interval == "1d" else rows


def _without_mixed(good: CheckedBars, bad: pl.DataFrame) -> tuple[CheckedBars, pl.DataFrame]:
    """Set symbols of another interval than most aside."""
    odd = mixed_intervals(good.frame)
    reason = pl.format("is a bar of {} among bars of {}", "interval", "expected")
    mixed = good.frame.join(odd, on="symbol").with_columns(reason=reason)
    row = pl.lit(None, dtype=bad.schema["row"]).alias("row")
    bad = pl.concat([bad, mixed.select(row, *BAR_COLUMNS, "reason")])
    return good.filter(~pl.col("symbol").is_in(odd["symbol"].implode())), bad


def _refuse_mixture(bars: CheckedBars, interval: str, path: Path, reading: Reading) -> None:
    """Refuse bars of several intervals, or on the clock of another zone."""
    odd = mixed_intervals(bars.frame)
    if odd.height:
        first = odd.row(0, named=True)
        why = f"{first['symbol']} has bars of {first['interval']}, most have {first['expected']}"
        raise DataError(f"{path} mixes intervals", why, reading.command(path, "--drop-bad"))
    fault = "" if reading.zone == "UTC" else wrong_zone(bars.frame, interval)
    if not fault:
        return
    found = other_zone(bars.frame, interval)
    if found is None:
        command = "write the dates of the sessions in New York"
    elif reading.zone:
        command = _without(reading, path, "zone")
    else:
        command = f"{reading.command(path, '--zone', found.zone)} (or --zone UTC if they are right)"
    raise DataError(f"{path} has times of another zone", fault, command)


def _without(reading: Reading, path: Path, option: str) -> str:
    changed = replace(reading, zone="") if option == "zone" else replace(reading, interval="")
    return changed.command(path)
