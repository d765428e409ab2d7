"""Yahoo's charts, with the cookies of yfinance."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import polars as pl

from cluster.files import storage_errors
from cluster.settings import Settings
from features.bars.intervals import INTERVALS
from features.bars.schema import BAR_COLUMNS
from features.sources.actions import actions_of, dividend_row, split_row
from features.sources.frames import frame_of, one_by_one
from features.sources.http.errors import NotServed, SourceDown
from features.sources.http.transport import Transport
from features.sources.protocol import SPLIT_ADJUSTED, Access, Fetched
from features.sources.said import refuse_other

if TYPE_CHECKING:
    from features.sources.http.curl_transport import ChartSession

PER_MINUTE = 60  # nobody knows the limit; those who ask more often report bans of a day
_REACH = {"1m": 7, "5m": 59, "15m": 59, "30m": 59, "1h": 729}  # days back, a day on the safe side
_COLUMNS = ("open", "high", "low", "close", "volume")
_CHART = "https://query2.finance.yahoo.com/v8/finance/chart/"
_DAY_S = 86_400


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
        self._transport = self._access.transport or Transport(
            self.name, per_minute=PER_MINUTE, shared=self._access.sent
        )

    @classmethod
    def from_settings(cls, settings: Settings, cache: Path) -> Self:
        """See `ConfiguredSource.from_settings`."""
        return cls(cache, Access.from_setting("YAHOO_URL", settings.yahoo_url, cache))

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
        bars, missing = one_by_one(symbols, lambda symbol: self._bars(symbol, interval, start, end))
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
        """Send yfinance's files to a private folder."""
        import logging

        import yfinance

        with storage_errors(self._cache):
            self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._cache.chmod(0o700)
        yfinance.set_tz_cache_location(str(self._cache))
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # its reasons are in our errors

    def actions(self, symbols: Sequence[str], start: datetime, end: datetime) -> pl.DataFrame:
        """A chart of days a symbol, for its events; see `ActionSource.actions`."""
        rows: list[tuple[Any, ...] | None] = []
        for symbol in symbols:
            chart = self._transport.ask(partial(self._exchange, symbol, "1d", (start, end)))
            refuse_other(self.name, {"symbol": symbol}, chart["meta"])
            events = chart.get("events") or {}
            rows += [
                split_row(symbol, _day(split["date"]), split["numerator"], split["denominator"])
                for split in (events.get("splits") or {}).values()
            ]
            rows += [
                dividend_row(symbol, _day(cash["date"]), cash["amount"])
                for cash in (events.get("dividends") or {}).values()
            ]
        return actions_of(rows)

    def _bars(self, symbol: str, interval: str, start: datetime, end: datetime) -> pl.DataFrame:
        finer = "15m" if interval == "30m" else interval  # for 30m it answers with 60m
        window = start, end
        chart = self._transport.ask(lambda seconds: self._exchange(symbol, finer, window, seconds))
        try:
            meta = chart["meta"]
            said = {"interval": meta.get("dataGranularity"), **meta}
            asked = {"symbol": symbol, "interval": finer, "currency": "USD"}
            refuse_other(self.name, asked, said)
            bars = _frame(symbol, chart, finer)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise SourceDown(self.name, "its answer has another form than a chart") from error
        return _half_hours(bars) if interval == "30m" else bars

    def _exchange(
        self, symbol: str, interval: str, window: tuple[datetime, datetime], seconds: float
    ) -> dict[str, Any]:
        """The chart of a symbol, as it came; with cookies when they can be had in time."""
        from yfinance.data import YfData

        session = self._session
        session.begin(seconds)
        first, last = (int(moment.timestamp()) for moment in window)
        params = {
            "period1": first,
            "period2": last,
            "interval": interval,
            "includePrePost": "false",
            "events": "div,splits",
        }
        try:
            YfData(session=session).get(url=_CHART + symbol, params=params, timeout=seconds)
        except (SourceDown, NotServed):
            raise
        except Exception:  # without cookies: they are late, refused, or kept in a damaged file
            session.raise_failure()
            self._forget_cookies()
            with suppress(OSError):
                session.request("GET", _CHART + symbol, params=params)
        session.raise_failure()
        if session.chart is None:
            raise SourceDown(self.name, "it was not asked for the chart")
        return session.chart

    def _forget_cookies(self) -> None:
        for path in self._cache.glob("cookies.db*"):
            path.unlink(missing_ok=True)

    @cached_property
    def _session(self) -> "ChartSession":
        from features.sources.http.curl_transport import ChartSession

        return ChartSession(self._access.base_url)


def _frame(symbol: str, chart: dict[str, Any], interval: str) -> pl.DataFrame:
    """A chart as bars; without the row of the price of now, which no bar ends with."""
    times = chart.get("timestamp") or []
    if not times:
        return frame_of([])
    quote = chart["indicators"]["quote"][0]
    values = (quote.get(name) or [None] * len(times) for name in _COLUMNS)
    rows = [(symbol, *row) for row in zip(times, *values, strict=True)]
    if interval == "1d":
        twice = len(times) > 1 and times[-1] // _DAY_S == times[-2] // _DAY_S
        return frame_of([*rows[:-2], rows[-1]] if twice else rows, unit="s")
    seconds = INTERVALS[interval] // timedelta(seconds=1)
    return frame_of([row for row in rows if (row[1] - times[0]) % seconds == 0], unit="s")


def _day(seconds: Any) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _half_hours(bars: pl.DataFrame) -> pl.DataFrame:
    """Bars of 30 minutes from those of 15; one that lacks a value lacks it, too."""
    half = bars.sort("ts").group_by("symbol", pl.col("ts").dt.truncate("30m"), maintain_order=True)
    whole = half.agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
        complete=pl.all_horizontal(pl.col(name).is_not_null().all() for name in BAR_COLUMNS[2:]),
    )
    values = pl.when("complete").then(pl.col(BAR_COLUMNS[2:]))
    return whole.select("symbol", "ts", values).select(BAR_COLUMNS)
