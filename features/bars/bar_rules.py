"""What makes a bar a bad one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import polars as pl

from features.bars.schema import PRICE_COLUMNS
from features.bars.sessions import FIRST_DATE, last_date, midnight
from features.bars.symbols import MISSING

ROUNDING = 1e-6  # relative; prices stored as f32 may stick out of [low, high] by one ulp (6e-8)
_TICKER = r"^\^?[A-Za-z0-9]+([.=_:/-][A-Za-z0-9]+)*$"  # BRK.B, BTC/USD, ES=F, ^GSPC; no path
_LONGEST = 32


def defect(rows: pl.DataFrame) -> pl.Expr:
    """Column `reason`: the first defect of each row of `rows` as text, null for a good bar."""
    rules = [
        *(*_key_rules(rows), *_calendar_rules(rows)),
        *(*_value_rules(), *_range_rules(), *_order_rules()),
    ]
    return pl.coalesce(*(pl.when(bad).then(text) for bad, text in rules)).alias("reason")


_Rules = Iterator[tuple[pl.Expr, pl.Expr]]  # where a bar is bad, and what to say


def _key_rules(rows: pl.DataFrame) -> _Rules:
    named = rows["symbol"].unique().drop_nulls()
    tickers = named.filter(
        named.str.contains(_TICKER)
        & named.str.contains("[A-Za-z]")
        & (named.str.len_chars() <= _LONGEST)
        & ~named.is_in(MISSING)
    )
    yield pl.col("symbol").is_null(), pl.lit("has no symbol")
    yield (
        ~pl.col("symbol").is_in(tickers.implode()),
        pl.lit(
            "symbol is not a ticker (letters and digits, joined by one of . = _ : / -, at most 32)"
        ),
    )
    yield from _case_rules(tickers)
    yield pl.col("unreadable").is_not_null(), pl.col("unreadable")
    yield pl.col("ts").is_null(), pl.lit("has no time")


def _calendar_rules(rows: pl.DataFrame) -> _Rules:
    """What no session is known of; the calendar takes a second to build, and is seldom needed."""
    ts, newest = pl.col("ts"), rows["ts"].max()
    outside = f"{{}} is outside the exchange calendar, which begins on {FIRST_DATE}"
    yield ts < midnight(date.fromisoformat(FIRST_DATE)), pl.format(outside, ts.dt.date())
    if isinstance(newest, datetime) and newest > datetime.now(UTC):
        end = last_date()
        outside = f"{{}} is outside the exchange calendar, which ends on {end}"
        yield ts >= midnight(end + timedelta(days=1)), pl.format(outside, ts.dt.date())


def _case_rules(tickers: pl.Series) -> _Rules:
    """Of spellings that differ only by case, the first in ASCII order is the symbol: capitals."""
    spelt = tickers.sort().to_frame("spelling")
    kept = spelt.with_columns(
        kept=pl.col("spelling").first().over(pl.col("spelling").str.to_uppercase())
    )
    other = kept.filter(pl.col("spelling") != pl.col("kept"))
    if other.height:
        symbol = pl.col("symbol")
        of = symbol.replace_strict(other["spelling"], other["kept"], default=None)
        yield of.is_not_null(), pl.format("symbol differs from {} only by case", of)


def _value_rules() -> _Rules:
    for column in (*PRICE_COLUMNS, "volume"):
        bad = ~pl.col(column).is_finite().fill_null(False)
        yield bad, _says(f"{column} is not a finite number", column)
    for column in PRICE_COLUMNS:
        yield pl.col(column) <= 0, _says(f"{column} is not positive", column)
    yield pl.col("volume") < 0, _says("volume is negative", "volume")


def _range_rules() -> _Rules:
    ceiling = pl.col("high") * (1 + ROUNDING)
    floor = pl.col("low") * (1 - ROUNDING)
    yield pl.col("low") > ceiling, _says("high is below low", "high", "low")
    for column in ("open", "close"):
        bad = (pl.col(column) > ceiling) | (pl.col(column) < floor)
        yield bad, _says(f"{column} is outside [low, high]", column, "low", "high")


def _order_rules() -> _Rules:
    key = pl.struct("symbol", "ts")
    yield key.is_duplicated(), pl.lit("another bar has the same symbol and time")
    yield (
        pl.col("ts") < pl.col("ts").shift(1).over("symbol"),
        pl.lit("its time is before that of the symbol's bar above it: the times are not sorted"),
    )


def _says(text: str, *columns: str) -> pl.Expr:
    """A reason with the values that show it, such as `high is below low (high 9, low 10)`."""
    form = ", ".join(f"{column} {{}}" for column in columns)
    values = [pl.col(column).cast(pl.String).fill_null("missing") for column in columns]
    return pl.format(f"{text} ({form})", *values)
