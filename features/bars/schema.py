"""The columns of a bar, and how other names and dtypes are brought to them."""

import polars as pl

from cluster.errors import DataError
from features.bars.symbols import respelt
from features.bars.times import UTC_TIMES, read_times, why_no_time

PRICE_COLUMNS = ("open", "high", "low", "close")
BAR_COLUMNS = ("symbol", "ts", *PRICE_COLUMNS, "volume")
BAR_SCHEMA = {
    "symbol": pl.String(),
    "ts": UTC_TIMES,  # open time of the bar; a daily bar: midnight UTC of its date
    **{column: pl.Float64() for column in PRICE_COLUMNS},  # USD
    "volume": pl.Float64(),  # shares
}

ALIASES = {
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
    A table whose symbols all have their newest bar first is turned round. What a reader of files
    could not read it says in a column `unreadable`.

    Returns:
        The columns of `BAR_SCHEMA`, null where a value is missing or cannot be read, then `row`
        (from 0, as given) and `unreadable` (which value cannot be read, and why; else null).

    Raises:
        DataError: missing or ambiguous columns, a column of a wrong type, or no rows.
    """
    bars = bars.rename(_bar_names(bars.columns, origin))
    if bars.is_empty():
        raise DataError(f"{origin} has no bars", "0 rows", "give it at least one bar")
    _refuse_types(bars.schema, origin)
    given = [pl.col(column).alias(f"given_{column}") for column in BAR_COLUMNS[1:]]
    said = pl.col("unreadable") if "unreadable" in bars.columns else pl.lit(None, dtype=pl.String)
    read = bars.select(*BAR_COLUMNS, *given, said=said).with_columns(
        pl.col("symbol").cast(pl.String),
        read_times(bars["ts"]).alias("ts"),
        pl.col(*PRICE_COLUMNS, "volume").cast(pl.Float64, strict=False),
    )
    rows = respelt(read).select(*BAR_COLUMNS, _unreadable()).with_row_index("row")
    return rows.reverse() if _newest_first(rows) else rows


def _newest_first(rows: pl.DataFrame) -> bool:
    """Whether times go back all along in every symbol, as in many exports."""
    steps = rows.select(pl.col("ts").diff().over("symbol").dt.total_microseconds()).to_series()
    return bool((steps.drop_nulls() <= 0).all() and (steps < 0).any())


def _bar_names(columns: list[str], origin: str) -> dict[str, str]:
    """Map the names of a frame to those of `BAR_COLUMNS`; other columns keep theirs."""
    names = {column: column for column in BAR_COLUMNS if column in columns}
    for column in columns:
        lower = column.strip().lower()
        name = ALIASES.get(lower, lower)
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


def _unreadable() -> pl.Expr:
    """Column `unreadable`: the value that is there but is no time or number, null when all are."""
    given = {column: pl.col(f"given_{column}").cast(pl.String) for column in BAR_COLUMNS[1:]}
    kinds = {"ts": why_no_time(given["ts"])} | dict.fromkeys(
        (*PRICE_COLUMNS, "volume"), pl.lit("is not a number")
    )
    found = [
        pl.when(pl.col(column).is_null() & given[column].is_not_null()).then(
            pl.format(f"{column} '{{}}' {{}}", given[column], kind)
        )
        for column, kind in kinds.items()
    ]
    return pl.coalesce("said", *found).alias("unreadable")
