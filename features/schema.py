"""The columns of a bar, and how other names and dtypes are brought to them."""

import polars as pl

from cluster.errors import DataError

PRICE_COLUMNS = ("open", "high", "low", "close")
BAR_COLUMNS = ("symbol", "ts", *PRICE_COLUMNS, "volume")
BAR_SCHEMA = {
    "symbol": pl.String(),
    "ts": pl.Datetime("us", "UTC"),  # open time of the bar; a daily bar: midnight UTC of its date
    **{column: pl.Float64() for column in PRICE_COLUMNS},  # USD
    "volume": pl.Float64(),  # shares
}

_ALIASES = {
    "timestamp": "ts",
    "datetime": "ts",
    "date": "ts",
    "time": "ts",
    "ticker": "symbol",
    "vol": "volume",
}


def normalise(bars: pl.DataFrame, *, origin: str, next_command: str = "") -> pl.DataFrame:
    """Names and dtypes of `BAR_SCHEMA` plus `row`, in the order given; values are not judged.

    Raises:
        DataError: missing or ambiguous columns, no rows, a value that cannot be read.
    """
    bars = bars.rename(_bar_names(bars.columns, origin, next_command))
    if bars.is_empty():
        raise DataError(f"{origin} has no bars", "0 rows", next_command)
    bars = bars.select(BAR_COLUMNS).with_row_index("row")
    read = bars.with_columns(
        pl.col("symbol").cast(pl.String),
        _time_expression(bars.schema["ts"]),
        pl.col(*PRICE_COLUMNS, "volume").cast(pl.Float64, strict=False),
    )
    _refuse_unreadable(bars, read, origin, next_command)
    return read


def _bar_names(columns: list[str], origin: str, next_command: str) -> dict[str, str]:
    """Map the names of a frame to those of `BAR_COLUMNS`; other columns keep theirs."""
    names = {column: column for column in BAR_COLUMNS if column in columns}
    for column in columns:
        lower = column.strip().lower()
        name = _ALIASES.get(lower, lower)
        if name in BAR_COLUMNS and name not in columns:
            if name in names:
                why = f"{names[name]!r} and {column!r} both name {name!r}"
                raise DataError(f"{origin} is ambiguous", why, "rename or drop one of the two")
            names[name] = column
    missing = [column for column in BAR_COLUMNS if column not in names]
    if missing:
        why = f"missing columns: {', '.join(missing)}; it has: {', '.join(columns) or 'none'}"
        advice = f"give it the columns {', '.join(BAR_COLUMNS)}"
        raise DataError(f"{origin} is not a bar file", why, next_command or advice)
    return {column: name for name, column in names.items()}


def _time_expression(dtype: pl.DataType) -> pl.Expr:
    """Read `ts` as UTC; null where it cannot be read."""
    ts = pl.col("ts")
    if isinstance(dtype, pl.Datetime):
        zoned = ts.dt.replace_time_zone("UTC") if dtype.time_zone is None else ts
        return zoned.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if dtype == pl.Date:
        return ts.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype == pl.String:
        return _parse_text(ts)
    return pl.lit(None, dtype=BAR_SCHEMA["ts"]).alias("ts")


def _parse_text(ts: pl.Expr) -> pl.Expr:
    """Read ISO 8601 dates and times, with or without an offset."""
    text = ts.str.strip_chars().str.replace("T", " ").str.replace("Z$", "+00:00")
    zoned = [
        text.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
        for pattern in ("%Y-%m-%d %H:%M:%S%.f%:z", "%Y-%m-%d %H:%M%:z")
    ]
    naive = [
        text.str.to_datetime(pattern, time_unit="us", strict=False).dt.replace_time_zone("UTC")
        for pattern in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    ]
    return pl.coalesce(*zoned, *naive).alias("ts")


def _refuse_unreadable(
    given: pl.DataFrame, read: pl.DataFrame, origin: str, next_command: str
) -> None:
    """Refuse a file where a value is there but is no time or no number."""
    for column in ("ts", *PRICE_COLUMNS, "volume"):
        lost = read[column].is_null() & given[column].is_not_null()
        if lost.any():
            row = int(lost.arg_true()[0])
            kind = (
                "a time (ISO 8601, UTC unless it has an offset)" if column == "ts" else "a number"
            )
            raise DataError(
                f"{origin}: {read['symbol'][row]}, row {row}",
                f"{column} {given[column][row]!r} is not {kind}",
                next_command,
            )
