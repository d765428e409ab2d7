"""Times as tables have them: timestamps, numbers since 1970 and text of many forms, read as UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, time

import polars as pl

UTC_TIMES = pl.Datetime("us", "UTC")
ORDERS = ("mdy", "dmy")  # of dates such as 03/04/2024
_UNITS = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 0}  # microseconds in one
_LARGEST = {"s": 1e11, "ms": 1e14, "us": 1e17, "ns": float("inf")}  # below it, until the year 5138
EPOCHS = tuple(_UNITS)
_NUMBER = r"^(-?\d{9,11}|-?\d{13}|-?\d{15,19})(?:\.\d*)?$"  # not 20240304 or 202403041630
_YEARS = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))  # that can be written
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMERIC_DATE = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})\b"
_ISO = (
    r"^(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})"
    r"(?:[T\s]+(?<hour>\d{1,2})(?::?(?<minute>\d{2}))?(?::?(?<second>\d{2}))?:?"
    r"(?:[.,](?<fraction>\d{1,9}))?\s?(?<half>[AaPp][Mm])?)?"
    r"\s?(?<offset>[zZ]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
)
_NAMED = {  # what cannot be read, by its form
    r"^\d{4}-?W\d{2}": "is a week date: write it as year, month and day (2024-03-04)",
    r"^\d{4}-?\d{3}([T\s]|$)": "is a day of the year: write it as year, month and day (2024-03-04)",
    _NUMERIC_DATE: "may be day or month first, the column does not tell: --dates dmy or mdy",
    r"^[1-6]\d{4}(\.\d+)?$": "is a day number of a spreadsheet: write it as 2024-03-04",
}


@dataclass(frozen=True)
class Clock:
    """What the times of a table mean where they do not say it themselves.

    Args:
        zone: IANA name of the zone of times without an offset; "" is UTC.
        epoch: One of `EPOCHS`, the unit of numbers since 1970; "": by their size.
        dates: One of `ORDERS`, of dates of digits that end with the year; "": by the column.
    """

    zone: str = ""
    epoch: str = ""
    dates: str = ""


_UTC = Clock()


def read_times(
    given: pl.Series, clock: Clock = _UTC, symbols: pl.Series | None = None
) -> pl.Series:
    """Times as `UTC_TIMES`, null where one cannot be read.

    Times that are mostly midnights of their own zone are dates, and become midnights UTC. Of two
    equal times of a symbol in the hour that a zone's clocks repeat, the later one is an hour later.

    Args:
        given: Dates, timestamps, numbers or text, (N,).
        clock: What they leave open.
        symbols: (N,) whose they are; None: all of one symbol.
    """
    dtype = given.dtype
    if dtype == pl.Date:
        return given.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    whose = symbols if symbols is not None else pl.Series([""]).new_from_index(0, len(given))
    rows = pl.DataFrame([whose.alias("symbol"), *_parts(given, clock)])
    naive = rows.select("symbol", wall=pl.when(pl.col("utc").is_null()).then("wall"))
    utc = rows["utc"].fill_null(_in_zone(naive, clock.zone))
    dates = rows["wall"].dt.time() == time()
    if (dates.sum() or 0) * 2 > len(dates) - dates.null_count():
        utc = rows["wall"].dt.replace_time_zone("UTC").zip_with(dates.fill_null(False), utc)
    return utc.set(~utc.is_between(*_YEARS), None).alias(given.name)


def why_no_time(text: pl.Expr) -> pl.Expr:
    """Why each text was not read as a time."""
    reason = pl.lit("is not a time (ISO 8601, UTC unless it has an offset)")
    for form, why in reversed(_NAMED.items()):
        reason = pl.when(text.str.contains(form)).then(pl.lit(why)).otherwise(reason)
    return reason


def _parts(given: pl.Series, clock: Clock) -> list[pl.Series]:
    """Of each time `wall`, as its own clock shows it, and `utc` where it says its offset."""
    dtype = given.dtype
    if isinstance(dtype, pl.Datetime):
        wall = given.dt.replace_time_zone(None).dt.cast_time_unit("us").alias("wall")
        zoned = dtype.time_zone not in (None, "UTC")
        utc = given.dt.convert_time_zone("UTC").dt.cast_time_unit("us") if zoned else None
    elif dtype.is_numeric() or dtype == pl.String:
        whole = given.cast(pl.Int64, strict=False) if dtype.is_float() else given
        return _read_text(whole.cast(pl.String).str.strip_chars(), clock)
    else:
        wall, utc = pl.Series("wall", [None] * len(given), dtype=pl.Datetime("us")), None
    return [wall, pl.Series("utc", utc if utc is not None else [None] * len(given), UTC_TIMES)]


def _read_text(text: pl.Series, clock: Clock) -> list[pl.Series]:
    days = text.str.to_date("%Y-%m-%d", strict=False)
    if days.null_count() == text.null_count():
        return _parts(days.cast(pl.Datetime("us")).alias("ts"), clock)
    parts = (
        _as_iso(text, clock)
        .to_frame("text")
        .select(pl.col("text").str.extract_groups(_ISO))
        .unnest("text")
    )
    rows = parts.select(wall=_wall(), offset=_offset()).with_columns(_epoch(text, clock))
    utc = pl.coalesce("epoch", pl.col("wall") - pl.duration(minutes="offset"))
    if clock.zone and not (rows["offset"] != 0).any():  # said of times that call themselves UTC
        utc = pl.lit(None, dtype=pl.Datetime("us"))
    utc = utc.dt.replace_time_zone("UTC").alias("utc")
    rows = rows.select(utc, pl.coalesce("wall", "epoch").alias("wall"))
    return [rows["wall"], rows["utc"]]


def _wall() -> pl.Expr:
    """The time that the groups of `_ISO` spell."""
    hour = pl.col("hour").cast(pl.Int64)
    half = pl.col("half").str.to_lowercase()
    hour = (
        pl.when(half == "pm")
        .then(hour % 12 + 12)
        .when(half == "am")
        .then(hour % 12)
        .otherwise(hour)
    )
    text = pl.format(
        "{}-{}-{} {}:{}:{}.{}",
        *("year", "month", "day"),
        hour.fill_null(0),
        *(pl.col(name).fill_null("0") for name in ("minute", "second", "fraction")),
    )
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)


def _offset() -> pl.Expr:
    """Minutes that the groups of `_ISO` say a clock is ahead of UTC; null without."""
    offset = pl.col("offset").str.replace(":", "")
    minutes = offset.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + offset.str.slice(3).cast(
        pl.Int64, strict=False
    ).fill_null(0)
    signed = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)
    return pl.when(offset.str.contains(r"^[zZUG]")).then(0).otherwise(signed)


def _epoch(text: pl.Series, clock: Clock) -> pl.Series:
    """Numbers since 1970 as times without a zone; null what is none."""
    number = text.str.extract(_NUMBER).cast(pl.Int64, strict=False).alias("epoch")
    typical = number.median()
    if typical is None:
        return number.cast(pl.Datetime("us"))
    size = abs(float(typical))  # type: ignore[arg-type]
    unit = clock.epoch or next(unit for unit, most in _LARGEST.items() if size < most)
    most = 2**62 // max(_UNITS[unit], 1)
    number = number.set(~number.is_between(-most, most), None)
    return (number // 1000 if unit == "ns" else number * _UNITS[unit]).cast(pl.Datetime("us"))


def _as_iso(text: pl.Series, clock: Clock) -> pl.Series:
    """Dates of other forms written as year-month-day; other text is as it was."""
    text = text.str.replace(r"^(\d{8})(\d{2})(\d{2})(\d{2})?$", "${1}T${2}:${3}:${4}")
    text = text.str.replace(r"^(\d{4})(\d{2})(\d{2})(\D|$)", "${1}-${2}-${3}${4}")
    text = text.str.replace(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})\b", "${1}-${2}-${3}")
    if text.str.contains("[A-Za-z]{3}").any():
        for number, name in enumerate(_MONTHS, 1):
            text = text.str.replace(rf"(?i)\b{name}[a-z]*\.?(\W)", f"M{number:02}${{1}}")
        text = text.str.replace(r"^M(\d\d)\W+(\d{1,2})\W+(\d{4})\b", "${3}-${1}-${2}")
        text = text.str.replace(r"^(\d{1,2})\W+M(\d\d)\W+(\d{4})\b", "${3}-${2}-${1}")
        text = text.str.replace(r"^(\d{1,2})\W+M(\d\d)\W+(\d{2})\b", "20${3}-${2}-${1}")
    order = clock.dates or _order(text)
    if not order:
        return text
    year_first = "${3}-${1}-${2}" if order == "mdy" else "${3}-${2}-${1}"
    text = text.str.replace(_NUMERIC_DATE, year_first)
    return text.str.replace(r"^(\d{2})-(\d{1,2})-(\d{1,2})\b", "20${1}-${2}-${3}")


def _order(text: pl.Series) -> str:
    """Whether dates of digits have the month or the day first, by the column; "" when open."""
    parts = text.to_frame("text").select(pl.col("text").str.extract_groups(_NUMERIC_DATE))
    numbers = parts.unnest("text").select(pl.all().cast(pl.Int64).max())
    first, second, _ = numbers.row(0)
    if first is None or (first > 12) == (second > 12):
        return "dmy" if first is not None and text.str.contains(r"^\d{1,2}\.").all() else ""
    return "dmy" if first > 12 else "mdy"


def _in_zone(rows: pl.DataFrame, zone: str) -> pl.Series:
    """`wall` of a zone as UTC; null what its clocks never showed."""
    wall = rows["wall"]
    if zone in ("", "UTC") or rows.is_empty():
        return wall.dt.replace_time_zone("UTC")
    seen = ~rows.select(pl.struct("symbol", "wall").is_first_distinct()).to_series()
    newest_first = float((wall < wall.shift()).mean() or 0) > 0.5  # type: ignore[arg-type]
    later = ~seen if newest_first else seen
    which = pl.when(later).then(pl.lit("latest")).otherwise(pl.lit("earliest"))
    local = rows.select(
        pl.col("wall").dt.replace_time_zone(zone, ambiguous=which, non_existent="null")
    )
    return local.to_series().dt.convert_time_zone("UTC")
