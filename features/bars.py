"""Bars: the schema, the checks, and the quarantine of the ones that fail them."""

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
ROUNDING = 1e-6  # relative; prices stored as f32 may stick out of [low, high] by one ulp (6e-8)

_ALIASES = {
    "timestamp": "ts",
    "datetime": "ts",
    "date": "ts",
    "time": "ts",
    "ticker": "symbol",
    "vol": "volume",
}
_TICKER = r"^[A-Za-z0-9.^=_:/-]{1,32}$"
_TIME_FORMAT = "%Y-%m-%d %H:%M"


def check_bars(bars: pl.DataFrame, *, origin: str, next_command: str = "") -> pl.DataFrame:
    """Bring bars to `BAR_SCHEMA`, sorted by (symbol, ts), or refuse them.

    Column names are matched without regard to case; `timestamp`, `datetime`, `date` and `time` are
    read as `ts`, and `ticker` as `symbol`. Times without a zone are taken as UTC.

    Args:
        bars: Any frame with the columns of `BAR_COLUMNS`; further columns are dropped.
        origin: Where the bars come from (a file, a source), for the message.
        next_command: What the message tells the user to run.

    Raises:
        DataError: naming the symbol and the bar: missing columns, no bars, empty or non-finite
            values, prices <= 0, negative volume, high < low, open or close outside [low, high]
            (beyond `ROUNDING`), duplicate times, times that go back inside a symbol.
    """
    rows = normalise(bars, origin=origin, next_command=next_command)
    bad = rows.with_columns(_defects(rows)).filter(pl.col("reason").is_not_null())
    if bad.height:
        raise _refusal(bad, rows.height, origin, next_command)
    return rows.select(BAR_COLUMNS).sort("symbol", "ts")


def split_bad(bars: pl.DataFrame, *, origin: str = "bars") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Separate the bars that pass every check from those that do not.

    Times out of order are repaired by sorting and repeated identical rows are kept once; of bars
    that contradict each other at one time, none is kept.

    Returns:
        The good bars (`BAR_SCHEMA`, sorted; may have no rows), and the bad ones with the columns
        `row` (from 0, in the order given) and `reason`.
    """
    rows = normalise(bars, origin=origin).sort("symbol", "ts", maintain_order=True)
    repeated = ~pl.struct(*BAR_COLUMNS).is_first_distinct()
    first = rows.filter(~repeated)
    first = first.with_columns(_defects(first))
    bad = pl.concat(
        [
            first.filter(pl.col("reason").is_not_null()),
            rows.filter(repeated).with_columns(reason=pl.lit("is a repeated row")),
        ]
    )
    good = first.filter(pl.col("reason").is_null()).select(BAR_COLUMNS)
    return good, bad.select("row", *BAR_COLUMNS, "reason").sort("row")


def list_defects(bars: pl.DataFrame, *, origin: str = "bars") -> pl.DataFrame:
    """Every bar that fails a check: `row` (from 0), the bar's columns and the first `reason`."""
    rows = normalise(bars, origin=origin)
    bad = rows.with_columns(_defects(rows)).filter(pl.col("reason").is_not_null())
    return bad.select("row", *BAR_COLUMNS, "reason")


def interval_of(bars: pl.DataFrame) -> str:
    """The bar interval (`1m`, `5m`, `1h`, `1d`, `1w`) from the median spacing inside symbols.

    Raises:
        DataError: no symbol has two bars.
    """
    spacing = bars.sort("symbol", "ts").select(
        pl.col("ts").diff().over("symbol").dt.total_seconds().median()
    )
    seconds = spacing.item()
    if seconds is None:
        raise DataError(
            "cannot tell the interval of the bars",
            "no symbol has two bars",
            "import a file with more bars",
        )
    minutes = max(1, round(seconds / 60))
    for unit, size in (("w", 7 * 1440), ("d", 1440), ("h", 60)):
        if minutes >= 0.8 * size:
            return f"{max(1, round(minutes / size))}{unit}"
    return f"{minutes}m"


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


def _defects(rows: pl.DataFrame) -> pl.Expr:
    """The first defect of each row as text, null for a good bar; one expression for all rows."""
    tickers = rows["symbol"].unique().drop_nulls()
    tickers = tickers.filter(tickers.str.contains(_TICKER))
    ceiling = pl.col("high") * (1 + ROUNDING)
    floor = pl.col("low") * (1 - ROUNDING)
    reason = pl.when(pl.col("symbol").is_null()).then(pl.lit("has no symbol"))
    reason = reason.when(~pl.col("symbol").is_in(tickers.implode())).then(
        pl.lit("symbol is not a ticker (letters, digits and . ^ = _ : / -, at most 32)")
    )
    reason = reason.when(pl.col("ts").is_null()).then(pl.lit("has no time"))
    for column in (*PRICE_COLUMNS, "volume"):
        reason = reason.when(~pl.col(column).is_finite().fill_null(False)).then(
            _says(f"{column} is not a finite number", column)
        )
    for column in PRICE_COLUMNS:
        reason = reason.when(pl.col(column) <= 0).then(_says(f"{column} is not positive", column))
    reason = reason.when(pl.col("volume") < 0).then(_says("volume is negative", "volume"))
    reason = reason.when(pl.col("low") > ceiling).then(_says("high is below low", "high", "low"))
    for column in ("open", "close"):
        reason = reason.when((pl.col(column) > ceiling) | (pl.col(column) < floor)).then(
            _says(f"{column} is outside [low, high]", column, "low", "high")
        )
    reason = reason.when(pl.struct("symbol", "ts").is_duplicated()).then(
        pl.lit("another bar has the same symbol and time")
    )
    reason = reason.when(pl.col("ts") < pl.col("ts").shift(1).over("symbol")).then(
        pl.lit("its time is before that of the bar above it: the times are not sorted")
    )
    return reason.otherwise(None).alias("reason")


def _says(text: str, *columns: str) -> pl.Expr:
    """A reason with the values that show it, such as `high is below low (high 9, low 10)`."""
    form = ", ".join(f"{column} {{}}" for column in columns)
    values = [pl.col(column).cast(pl.String).fill_null("missing") for column in columns]
    return pl.format(f"{text} ({form})", *values)


def _refusal(bad: pl.DataFrame, height: int, origin: str, next_command: str) -> DataError:
    first = bad.row(0, named=True)
    when = f"{first['ts']:{_TIME_FORMAT}} UTC" if first["ts"] else f"row {first['row']}"
    what = f"{origin}: {first['symbol']} at {when} (row {first['row']})"
    count = f"{bad.height:,} of {height:,} bars are bad"
    return DataError(what, f"{first['reason']}; {count}", next_command)
