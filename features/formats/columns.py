"""The columns of a bar from a table of somebody: symbol, time, prices and volume."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cluster.errors import DataError, UsageError
from features.bars.schema import BAR_COLUMNS, PRICE_COLUMNS
from features.bars.times import read_times, why_no_time
from features.formats.files import Sheet
from features.formats.guess import guess_columns
from features.formats.makers import (
    PLAIN,
    YFINANCE,
    Maker,
    maker_of,
    nearest_maker,
    plain_columns,
    spelt,
)
from features.formats.numbers import read_numbers
from features.formats.reading import Reading
from features.formats.ticker import ticker_of

_PERIODS = {"D": "1d", "60": "1h", "30": "30m", "15": "15m", "5": "5m", "1": "1m"}  # of Stooq


@dataclass(frozen=True, eq=False)
class BarTable:
    """A table of bars that are not checked.

    Args:
        rows: `symbol`, `ts` (UTC, null where it cannot be read), prices and volume (numbers, or
            text where one cannot be read), and `unreadable`: why a time cannot be read, or null.
        maker: Who made it.
        interval: What the file says of it beside its times; "": nothing.
    """

    rows: pl.DataFrame
    maker: str
    interval: str


def bar_table(sheet: Sheet, path: Path, reading: Reading) -> BarTable:
    """The bars of a table.

    Raises:
        DataError: columns are missing, or have two meanings; the message has the command that would
            read the file.
        UsageError: `reading` names a heading that is not there, or a symbol beside others.
    """
    table = sheet.frame
    maker = YFINANCE if sheet.stacked else maker_of(table.columns)
    headings = _headings(table, maker, path, reading)
    texts = [table[heading].rename(column) for column, heading in headings.items()]
    rows = pl.DataFrame([text for text in texts if text.name != "time"])
    rows = rows.with_columns(_symbols(rows, maker, path, reading))
    if "time" in headings:
        rows = rows.with_columns(ts=_joined(table[headings["ts"]], table[headings["time"]]))
    periods = rows["interval"].unique() if "interval" in rows.columns else pl.Series([""])
    given = rows["ts"]
    ts = read_times(given, reading.clock(maker.dates if maker else ""), rows["symbol"])
    rows = read_numbers(rows.with_columns(ts.alias("ts")), (*PRICE_COLUMNS, "volume"), str(path))
    rows = rows.select(*BAR_COLUMNS, _unreadable(given, ts, reading))
    interval = _PERIODS.get(str(periods[0]).upper(), "") if len(periods) == 1 else ""
    if maker and maker.daily and not interval and _at_midnights(ts):
        interval = "1d"
    return BarTable(rows, maker.name if maker else PLAIN, interval)


def _headings(
    table: pl.DataFrame, maker: Maker | None, path: Path, reading: Reading
) -> dict[str, str]:
    """Heading by column of a bar; `time` beside `ts` where the time of day stands apart."""
    chosen = dict(_chosen(table, path, reading))
    known = {**maker.optional, **maker.columns} if maker else {}
    own = {known[spelt(name)]: name for name in table.columns if known.get(spelt(name))}
    plain: dict[str, list[str]] = {}
    for heading, column in plain_columns(table.columns).items():
        plain.setdefault(column, []).append(heading)
    if "ts" not in chosen and "ts" not in own:
        by_name = {spelt(heading): heading for heading in plain.get("ts", [])}
        if "ts" in by_name:
            plain["ts"] = [by_name["ts"]]
        elif {"date", "time"} <= set(by_name):
            chosen |= {"ts": by_name["date"], "time": by_name["time"]}
    found = {**{column: names[0] for column, names in plain.items()}, **own, **chosen}
    for column, names in plain.items():
        if len(names) > 1 and column not in own and column not in chosen:
            why = f"{names[0]!r} and {names[1]!r} both name {column!r}"
            choice = reading.command(path, "--columns", f"{column}={names[0]}")
            raise DataError(f"{path} is ambiguous", why, choice)
    _refuse_missing(found, table, maker, path, reading)
    return found


def _chosen(table: pl.DataFrame, path: Path, reading: Reading) -> Iterator[tuple[str, str]]:
    by_name = {spelt(name): name for name in table.columns}
    for column, heading in reading.columns.items():
        if spelt(heading) not in by_name:
            why = f"its headings are {', '.join(table.columns)}"
            raise UsageError(f"{path} has no column {heading!r}", why, reading.command(path))
        yield column, by_name[spelt(heading)]


def _refuse_missing(
    found: dict[str, str], table: pl.DataFrame, maker: Maker | None, path: Path, reading: Reading
) -> None:
    missing = [column for column in BAR_COLUMNS[1:] if column not in found]
    if not missing:
        return
    nearest = maker or nearest_maker(table.columns)
    like = f"; it looks like a file of {nearest.name}" if nearest else ""
    has = ", ".join(table.columns)
    why = f"missing columns: {', '.join(missing)}; it has: {has}{like}"
    guessed = guess_columns(table, missing, set(found.values()))
    pairs = [f"{column}={guessed.get(column, 'HEADING')}" for column in missing]
    pairs += [f"{column}={heading}" for column, heading in reading.columns.items()]
    command = reading.command(path, "--columns", ",".join(pairs))
    raise DataError(f"{path} is not a bar file", why, command)


def _symbols(rows: pl.DataFrame, maker: Maker | None, path: Path, reading: Reading) -> pl.Series:
    if "symbol" not in rows.columns:
        symbol = reading.symbol or ticker_of(path)
        if not symbol:
            why = "it has no column of symbols, and its name is no ticker"
            command = reading.command(path, "--symbol", "TICKER")
            raise DataError(f"cannot tell whose bars {path} has", why, command)
        return pl.Series("symbol", [symbol]).new_from_index(0, rows.height)
    if reading.symbol:
        why = f"it has a column of symbols; its first one is {rows['symbol'].first()!s}"
        raise UsageError(f"--symbol {reading.symbol} is not for {path}", why, "leave --symbol out")
    if maker and maker.suffix and rows.schema["symbol"] == pl.String:
        return rows["symbol"].str.strip_suffix(maker.suffix)
    return rows["symbol"]


def _joined(dates: pl.Series, times: pl.Series) -> pl.Series:
    """Date and time of day as one text, the time with its leading zeros."""
    day, time = dates.cast(pl.String), times.cast(pl.String)
    digits = time.str.contains(r"^\d{1,6}$").fill_null(value=False)
    padded = time.str.zfill(6) if time.str.contains(r"^\d{5,6}$").any() else time.str.zfill(4)
    return day + " " + padded.zip_with(digits, time)


def _unreadable(given: pl.Series, ts: pl.Series, reading: Reading) -> pl.Series:
    """Why each time was not read, null where it was or there is none."""
    text = pl.col("given").cast(pl.String)
    why = why_no_time(text)
    if reading.zone:
        skipped = text.str.contains(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
        gone = f"does not exist in {reading.zone}: clocks went forward then"
        why = pl.when(skipped).then(pl.lit(gone)).otherwise(why)
    lost = pl.col("ts").is_null() & pl.col("given").is_not_null()
    rows = pl.DataFrame([given.alias("given"), ts.alias("ts")])
    reason = pl.when(lost).then(pl.format("ts '{}' {}", text, why))
    return rows.select(reason.alias("unreadable")).to_series()


def _at_midnights(ts: pl.Series) -> bool:
    """Whether all times are midnights, UTC or in New York."""
    known = ts.drop_nulls()
    local = known.dt.convert_time_zone("America/New_York")
    return any(bool((clock.dt.truncate("1d") == clock).all()) for clock in (known, local))
