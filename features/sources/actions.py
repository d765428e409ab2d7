"""Splits and dividends from the vendors that have them: best effort, beside the bars."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

import polars as pl

from cluster.errors import PloutosError
from features.lake.actions import ACTION_SCHEMA, DIVIDEND, SPLIT, ActionStore
from features.lake.lake import Lake
from features.sources.frames import number
from features.sources.protocol import BarSource
from features.sources.series.gaps import Window

_CURRENCY = "USD"  # of a vendor that does not say


@runtime_checkable
class ActionSource(Protocol):
    """A source that knows splits and dividends, too."""

    def actions(self, symbols: Sequence[str], start: datetime, end: datetime) -> pl.DataFrame:
        """Splits and dividends with an ex-date in [start, end): `ACTION_SCHEMA`.

        Raises:
            PloutosError: as `BarSource.fetch`.
        """


def split_row(symbol: Any, ex_date: Any, after: Any, before: Any) -> tuple[Any, ...] | None:
    """A split: `after` shares for `before` ones; None when the vendor's values make none."""
    day, new, old = _day(ex_date), number(after), number(before)
    if day is None or not new or not old or new <= 0 or old <= 0 or new == old:
        return None
    return (symbol, day, SPLIT, new / old, None, None)


def dividend_row(
    symbol: Any, ex_date: Any, amount: Any, currency: str | None = None
) -> tuple[Any, ...] | None:
    """Cash for a share; None when the vendor's values make none."""
    day, cash = _day(ex_date), number(amount)
    if day is None or not cash or cash <= 0:
        return None
    return (symbol, day, DIVIDEND, None, cash, currency or _CURRENCY)


def actions_of(rows: Iterable[tuple[Any, ...] | None]) -> pl.DataFrame:
    """Rows as `ACTION_SCHEMA`; dividends of one symbol and day are one."""
    known = [row for row in rows if row is not None]
    frame = pl.DataFrame(known, schema=ACTION_SCHEMA, orient="row")
    key = ["symbol", "ex_date", "kind"]
    summed = frame.group_by(key, maintain_order=True).agg(
        pl.col("ratio").first(), pl.col("amount").sum(), pl.col("currency").first()
    )
    cash = pl.when(pl.col("kind") == DIVIDEND).then("amount")
    return summed.with_columns(amount=cash).select(*ACTION_SCHEMA)


def fetch_actions(
    lake: Lake,
    sources: Sequence[BarSource],
    symbols_of: Mapping[str, Sequence[str]],
    window: Window,
    now: datetime,
) -> dict[str, str]:
    """Put the splits and dividends of symbols into the lake.

    Args:
        lake: Where they go.
        sources: Who can be asked.
        symbols_of: By the name of a source, the symbols whose series are its own.
        window: [start, end) of ex-dates.
        now: UTC.

    Returns:
        By source, why it did not give them; bars are complete without.
    """
    failed: dict[str, str] = {}
    store = ActionStore(lake.root)
    for source in sources:
        symbols = symbols_of.get(source.name, ())
        if not symbols or not isinstance(source, ActionSource):
            continue
        try:
            found = source.actions(symbols, *window)
            found = found.filter(pl.col("symbol").is_in(list(symbols)))
            store.add(found, source=source.name, retrieved=now)
        except PloutosError as failure:
            failed[source.name] = failure.why or failure.what
        except Exception as error:  # a client of others, as for bars
            failed[source.name] = f"its client failed ({type(error).__name__}: {error})"[:200]
    return failed


def _day(value: Any) -> date | None:
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
