"""Yahoo's charts by yfinance."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import polars as pl

from cluster.files import storage_errors
from cluster.settings import Settings
from features.sources.frames import frame_of, one_by_one
from features.sources.http.errors import NotServed, SourceDown
from features.sources.http.transport import Transport
from features.sources.protocol import SPLIT_ADJUSTED, Access, Fetched

if TYPE_CHECKING:
    from features.sources.http.curl_transport import ChartSession

PER_MINUTE = 60  # nobody knows the limit; those who ask more often report bans of a day
_REACH = {"1m": 7, "5m": 59, "15m": 59, "30m": 59, "1h": 729}  # days back, a day on the safe side
_COLUMNS = ("Open", "High", "Low", "Close", "Volume")


class YahooSource:
    """Consolidated bars of regular hours, adjusted for splits (not for dividends); no key.

    Hourly bars reach back 730 days, finer ones less: what goes beyond is refused, never cut.

    Args:
        cache: Folder for yfinance's cookies and time zones, which it keeps as pickles in SQLite;
            only its owner may enter.
        access: How it is reached; its `base_url` stands for all of the vendor's hosts.
    """

    name: ClassVar[str] = "yahoo"
    key_variables: ClassVar[str] = ""
    delay = timedelta(minutes=30)

    def __init__(self, cache: Path, access: Access | None = None) -> None:
        self._cache = cache
        self._access = access or Access()
        self._transport = self._access.transport or Transport(self.name, per_minute=PER_MINUTE)

    @classmethod
    def from_settings(cls, settings: Settings, cache: Path) -> Self:
        """See `ConfiguredSource.from_settings`."""
        return cls(cache, Access.from_setting("YAHOO_URL", settings.yahoo_url))

    def batches(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> list[list[str]]:
        """One symbol a request."""
        return [[symbol] for symbol in symbols]

    def fetch(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> Fetched:
        """One chart a symbol.

        Raises:
            SourceDown, NotServed: as `BarSource.fetch` says.
        """
        now = self._access.now()
        self._refuse_out_of_reach(interval, start, now)
        self._prepare()
        bars, missing = one_by_one(
            symbols, lambda symbol: self._chart(symbol, interval, start, end)
        )
        return Fetched(bars, SPLIT_ADJUSTED, now, missing)

    def _refuse_out_of_reach(self, interval: str, start: datetime, now: datetime) -> None:
        reach = _REACH.get(interval)
        days = -(-(now - start) // timedelta(days=1))  # rounded up
        if reach is not None and days > reach:
            first = (now - timedelta(days=reach)).date()
            raise NotServed(
                self.name,
                f"its {interval} bars reach back {reach + 1} days at most, {days} were asked for",
                f"ploutos data fetch --source alpaca (or polygon), or --start {first} or later",
            )

    def _prepare(self) -> None:
        """Send yfinance's files to a private folder, and drop the answers it remembers."""
        import logging

        import yfinance
        from yfinance.data import YfData

        with storage_errors(self._cache):
            self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._cache.chmod(0o700)
        yfinance.set_tz_cache_location(str(self._cache))
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # its reasons are in our errors
        YfData.cache_get.cache_clear()

    def _chart(self, symbol: str, interval: str, start: datetime, end: datetime) -> pl.DataFrame:
        return self._transport.ask(
            lambda seconds: self._exchange(symbol, interval, (start, end), seconds)
        )

    def _exchange(
        self, symbol: str, interval: str, window: tuple[datetime, datetime], seconds: float
    ) -> pl.DataFrame:
        import yfinance

        session = self._session
        session.begin(seconds)
        ticker = yfinance.Ticker(symbol, session=session)
        try:
            chart = ticker.history(
                interval=interval,
                start=window[0],
                end=window[1],
                auto_adjust=False,
                actions=False,
                timeout=seconds,
            )
        except (yfinance.exceptions.YFException, OSError, *_SHAPE) as error:
            session.raise_failure()
            raise SourceDown(self.name, f"{type(error).__name__}: {error}") from error
        session.raise_failure()
        return _bars_of(symbol, chart)

    @cached_property
    def _session(self) -> "ChartSession":
        from features.sources.http.curl_transport import ChartSession

        return ChartSession(self._access.base_url)


_SHAPE = (TypeError, ValueError, KeyError, AttributeError, IndexError)  # an answer of another form


def _bars_of(symbol: str, chart: Any) -> pl.DataFrame:
    """The pandas frame of yfinance, indexed by time, as bars."""
    if chart.empty:
        return frame_of([])
    seconds = chart.index.tz_convert("UTC").as_unit("s").asi8.tolist()
    columns = (chart[name].tolist() for name in _COLUMNS)
    return frame_of(
        ((symbol, *row) for row in zip(seconds, *columns, strict=True)),  # type: ignore[misc]
        unit="s",
    )
