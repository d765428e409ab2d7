"""Polygon's (now Massive's) market data by polygon-api-client; imported in this file only."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import polars as pl

from cluster.errors import DataError
from cluster.settings import Settings
from features.bars.sessions import session_dates, sessions_between
from features.bars.symbols import dotted
from features.sources.actions import actions_of, dividend_row, split_row
from features.sources.frames import Row, frame_of, one_by_one, sessions_in
from features.sources.http.errors import BrokenOff, NotServed, SourceDown
from features.sources.http.transport import Transport
from features.sources.protocol import SPLIT_ADJUSTED, Access, Fetched
from features.sources.said import refuse_other

if TYPE_CHECKING:
    from polygon import RESTClient

    from features.sources.http.urllib3_transport import CheckedPool

PER_MINUTE = 5  # of the free plan
_HOST = "https://api.polygon.io"
_UNITS = {"m": "minute", "h": "hour", "d": "day"}
_FEW_DAYS = 3  # of which a page holds the dividends of all tickers
_PAGE_BARS = 50_000  # the most that one answer may have been made of


class PolygonSource:
    """Consolidated bars, adjusted for splits; end of day on the free plan.

    That plan has 5 requests a minute. One request brings the whole history of one symbol, or one
    day of all symbols (grouped daily): whichever needs fewer is used.

    Args:
        api_key: The key.
        access: How it is reached.
    """

    name: ClassVar[str] = "polygon"
    key_variables: ClassVar[str] = "MASSIVE_API_KEY or POLYGON_API_KEY"
    delay = timedelta(minutes=16)

    def __init__(self, api_key: str, access: Access | None = None) -> None:
        self._api_key = api_key
        self._access = access or Access()
        self._answers = _Answers()

    @classmethod
    def from_settings(cls, settings: Settings, cache: Path) -> Self | None:
        """See `ConfiguredSource.from_settings`."""
        key = settings.massive_api_key or settings.polygon_api_key
        if not key:
            return None
        access = Access.from_setting("POLYGON_URL", settings.polygon_url, cache)
        return cls(key.get_secret_value(), access)

    def batches(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> list[list[str]]:
        """All symbols at once where grouped daily bars are cheaper, else one by one."""
        if _grouped(symbols, interval, start, end):
            return [list(symbols)]
        return [[symbol] for symbol in symbols]

    def fetch(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> Fetched:
        """One request a session, or one a symbol and page.

        Raises:
            SourceDown, NotServed, NotEntitled, ConfigError: as `BarSource.fetch` says.
        """
        now = self._access.now()
        if _grouped(symbols, interval, start, end):
            bars, missing = self._grouped_daily(symbols, start, end)
        else:
            bars, missing = one_by_one(
                symbols, lambda symbol: self._aggregates(symbol, interval, start, end)
            )
        return Fetched(bars, SPLIT_ADJUSTED, now, missing)

    def _grouped_daily(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> tuple[pl.DataFrame, dict[str, str]]:
        symbol_of = {dotted(symbol): symbol for symbol in symbols}
        rows: list[Row] = []
        missing: dict[str, str] = {}
        for number, day in enumerate(_days(start, end)):
            call = methodcaller("get_grouped_daily_aggs", day, adjusted=True)
            try:
                grouped = list(self._call(call))
            except (SourceDown, NotServed) as failure:
                if not number:
                    raise
                missing = dict.fromkeys(symbols, failure.why)  # of this day and those after it
                break
            rows += [_row(symbol_of[bar.ticker], bar) for bar in grouped if bar.ticker in symbol_of]
        return frame_of(rows, unit="ms"), missing

    def _aggregates(
        self, symbol: str, interval: str, start: datetime, end: datetime
    ) -> pl.DataFrame:
        last = end - timedelta(milliseconds=1)  # `to` is included
        call = methodcaller(
            "list_aggs",
            dotted(symbol),
            int(interval[:-1]),
            _UNITS[interval[-1]],
            start,
            last,
            adjusted=True,
            sort="asc",
            limit=_PAGE_BARS,
        )
        rows: list[Row] = []
        try:
            rows.extend(_row(symbol, bar) for bar in self._call(call, symbol=dotted(symbol)))
        except SourceDown as failure:
            if not rows:
                raise
            raise BrokenOff(failure, frame_of(rows, unit="ms")) from failure
        return frame_of(rows, unit="ms")

    def actions(self, symbols: Sequence[str], start: datetime, end: datetime) -> pl.DataFrame:
        """Two requests a symbol, or two for a few days; see `ActionSource.actions`."""
        first, last = start.date(), (end - timedelta(microseconds=1)).date()
        symbol_of = {dotted(symbol): symbol for symbol in symbols}
        few = sessions_in(start, end) <= _FEW_DAYS and len(symbols) > 1
        names = [None] if few else list(symbol_of)
        rows: list[tuple[Any, ...] | None] = []
        for name in names:
            span = {"execution_date_gte": first, "execution_date_lte": last}
            rows += [
                split_row(symbol_of[s.ticker], s.execution_date, s.split_to, s.split_from)
                for s in self._call(methodcaller("list_splits", name, limit=1000, **span))
                if s.ticker in symbol_of
            ]
            span = {"ex_dividend_date_gte": first, "ex_dividend_date_lte": last}
            rows += [
                dividend_row(
                    symbol_of[cash.ticker], cash.ex_dividend_date, cash.cash_amount, cash.currency
                )
                for cash in self._call(methodcaller("list_dividends", name, limit=1000, **span))
                if cash.ticker in symbol_of
            ]
        return actions_of(rows)

    def _call(
        self, call: "Callable[[RESTClient], Any]", symbol: str | None = None
    ) -> Iterator[Any]:
        """What a call of the client gives, page by page, of one symbol if it is named."""
        client, pool = self._client
        pool.begin()
        self._answers.begin(symbol)
        try:
            yield from call(client)
        except DataError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise SourceDown(self.name, "its answer has another form than bars") from error

    @cached_property
    def _client(self) -> "tuple[RESTClient, CheckedPool]":
        from polygon import RESTClient

        from features.sources.http.urllib3_transport import CheckedPool

        base = self._access.base_url or _HOST
        client = RESTClient(self._api_key, base=base, custom_json=self._answers)
        transport = self._access.transport or Transport(
            self.name, per_minute=PER_MINUTE, shared=self._access.sent
        )
        pool = CheckedPool(transport, self.key_variables, headers=client.headers)
        client.client = pool  # its own pool has no timeout: the client never passes on the one set
        return client, pool


class _Answers:
    """Reads answers: an error with status 200 is none, and pages end where they bring nothing."""

    def __init__(self) -> None:
        self.begin(None)

    def begin(self, symbol: str | None) -> None:
        """Forget the pages of the call before; `symbol` is the one that was asked for, if one."""
        self._asked: dict[str, Any] = {"adjusted": True} | ({"symbol": symbol} if symbol else {})
        self._latest = 0.0

    def loads(self, text: str) -> Any:
        """The document of a page, without a next one after a page that brings nothing later."""
        document = json.loads(text)
        status = document.get("status") if isinstance(document, dict) else "no object"
        if status not in ("OK", "DELAYED"):
            raise SourceDown(PolygonSource.name, f"its answer has the status {status}")
        said = {"symbol": document.get("ticker"), "adjusted": document.get("adjusted")}
        refuse_other(PolygonSource.name, self._asked, said)
        times = [row.get("t") for row in document.get("results") or []]
        newest = max((ms for ms in times if isinstance(ms, int | float)), default=0.0)
        if newest <= self._latest or not document.get("next_url"):
            document.pop("next_url", None)
        self._latest = newest
        return document


def _grouped(symbols: Sequence[str], interval: str, start: datetime, end: datetime) -> bool:
    return interval == "1d" and sessions_in(start, end) < len(symbols)


def _days(start: datetime, end: datetime) -> list[date]:
    last = (end - timedelta(microseconds=1)).date()
    days: list[date] = session_dates(sessions_between(start.date(), last)).tolist()
    return days


def _row(symbol: str, bar: Any) -> Row:
    return (symbol, bar.timestamp, bar.open, bar.high, bar.low, bar.close, bar.volume)
