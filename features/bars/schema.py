"""The columns of a bar, and how other names and dtypes are brought to them."""

import polars as pl

from cluster.errors import DataError
from features.bars.symbols import respelt

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


def normalise(bars: pl.DataFrame, *, origin: str) -> pl.DataFrame:
    """Names and dtypes of `BAR_SCHEMA`, in the order given; values are not judged.

    Symbols get their one spelling (`features.bars.symbols`).

    Returns:
        The columns of `BAR_SCHEMA`, null where a value is missing or cannot be read, then `row`
        (from 0) and `unreadable` (which value cannot be read, and why; else null).

    Raises:
        DataError: missing or ambiguous columns, a column of a wrong type, or no rows.
    """
    bars = bars.rename(_bar_names(bars.columns, origin))
    if bars.is_empty():
        raise DataError(f"{origin} has no bars", "0 rows", "give it at least one bar")
    _refuse_types(bars.schema, origin)
    given = [pl.col(column).alias(f"given_{column}") for column in BAR_COLUMNS[1:]]
    read = bars.select(*BAR_COLUMNS, *given).with_columns(
        pl.col("symbol").cast(pl.String),
        _time_expression(bars.schema["ts"]),
        pl.col(*PRICE_COLUMNS, "volume").cast(pl.Float64, strict=False),
    )
    return respelt(read).select(*BAR_COLUMNS, _unreadable()).with_row_index("row")


def _bar_names(columns: list[str], origin: str) -> dict[str, str]:
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
        raise DataError(f"{origin} is not a bar file", why, advice)
    return {column: name for name, column in names.items()}


def _refuse_types(schema: pl.Schema, origin: str) -> None:
    for column in BAR_COLUMNS:
        dtype = schema[column]
        fits = isinstance(dtype, pl.String | pl.Null)
        if column == "symbol":
            fits |= isinstance(dtype, pl.Categorical | pl.Enum)
        elif column == "ts":
            fits |= dtype.is_temporal() or dtype.is_numeric()
        else:
            fits |= dtype.is_numeric()
        if not fits:
            why = f"the column {column} has the type {dtype}"
            advice = "symbols are text, times are dates or timestamps, the rest are numbers"
            raise DataError(f"{origin} is not a bar file", why, advice)


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


def _unreadable() -> pl.Expr:
    """Column `unreadable`: the value that is there but is no time or number, null when all are."""
    kinds = {"ts": "a time (ISO 8601, UTC unless it has an offset)"} | dict.fromkeys(
        (*PRICE_COLUMNS, "volume"), "a number"
    )
    found = [
        pl.when(pl.col(column).is_null() & pl.col(f"given_{column}").is_not_null()).then(
            pl.format(f"{column} '{{}}' is not {kind}", f"given_{column}")
        )
        for column, kind in kinds.items()
    ]
    return pl.coalesce(*found).alias("unreadable")
