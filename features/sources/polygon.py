"""Polygon's (now Massive's) market data by polygon-api-client; imported in this file only."""

import json
from collections.abc import Callable, Sequence
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
from features.sources.frames import Row, frame_of, one_by_one, sessions_in
from features.sources.http.errors import SourceDown
from features.sources.http.transport import Transport
from features.sources.protocol import SPLIT_ADJUSTED, Access, Fetched

if TYPE_CHECKING:
    from polygon import RESTClient

    from features.sources.http.urllib3_transport import CheckedPool

PER_MINUTE = 5  # of the free plan
_HOST = "https://api.polygon.io"
_UNITS = {"m": "minute", "h": "hour", "d": "day"}
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

    @classmethod
    def from_settings(cls, settings: Settings, cache: Path) -> Self | None:
        """See `ConfiguredSource.from_settings`."""
        key = settings.massive_api_key or settings.polygon_api_key
        if not key:
            return None
        access = Access.from_setting("POLYGON_URL", settings.polygon_url)
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
            bars, missing = self._grouped_daily(symbols, start, end), dict[str, str]()
        else:
            bars, missing = one_by_one(
                symbols, lambda symbol: self._aggregates(symbol, interval, start, end)
            )
        return Fetched(bars, SPLIT_ADJUSTED, now, missing)

    def _grouped_daily(
        self, symbols: Sequence[str], start: datetime, end: datetime
    ) -> pl.DataFrame:
        symbol_of = {dotted(symbol): symbol for symbol in symbols}
        rows: list[Row] = []
        for day in _days(start, end):
            grouped = self._call(methodcaller("get_grouped_daily_aggs", day, adjusted=True))
            rows += [_row(symbol_of[bar.ticker], bar) for bar in grouped if bar.ticker in symbol_of]
        return frame_of(rows, unit="ms")

    def _aggregates(
        self, symbol: str, interval: str, start: datetime, end: datetime
    ) -> pl.DataFrame:
        last = end - timedelta(milliseconds=1)  # `to` is included
        aggregates = self._call(
            methodcaller(
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
        )
        return frame_of([_row(symbol, bar) for bar in aggregates], unit="ms")

    def _call(self, call: "Callable[[RESTClient], Any]") -> list[Any]:
        """The result of a call of the client, all of its pages."""
        client, pool = self._client
        pool.begin()
        try:
            return list(call(client))
        except DataError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise SourceDown(self.name, "its answer has another form than bars") from error

    @cached_property
    def _client(self) -> "tuple[RESTClient, CheckedPool]":
        from polygon import RESTClient

        from features.sources.http.urllib3_transport import CheckedPool

        base = self._access.base_url or _HOST
        client = RESTClient(self._api_key, base=base, custom_json=_Answers())
        transport = self._access.transport or Transport(self.name, per_minute=PER_MINUTE)
        pool = CheckedPool(transport, self.key_variables, headers=client.headers)
        client.client = pool  # its own pool has no timeout: the client never passes on the one set
        return client, pool


class _Answers:
    """Reads answers; one that reports an error with status 200 is no empty answer."""

    @staticmethod
    def loads(text: str) -> Any:
        document = json.loads(text)
        status = document.get("status") if isinstance(document, dict) else "no object"
        if status not in ("OK", "DELAYED"):
            raise SourceDown(PolygonSource.name, f"its answer has the status {status}")
        return document


def _grouped(symbols: Sequence[str], interval: str, start: datetime, end: datetime) -> bool:
    return interval == "1d" and sessions_in(start, end) < len(symbols)


def _days(start: datetime, end: datetime) -> list[date]:
    last = (end - timedelta(microseconds=1)).date()
    days: list[date] = session_dates(sessions_between(start.date(), last)).tolist()
    return days


def _row(symbol: str, bar: Any) -> Row:
    return (symbol, bar.timestamp, bar.open, bar.high, bar.low, bar.close, bar.volume)
