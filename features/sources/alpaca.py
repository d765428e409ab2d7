"""Alpaca's market data by alpaca-py."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import polars as pl

from cluster.settings import Settings
from features.bars.intervals import INTERVALS
from features.bars.symbols import canonical, dotted
from features.sources.actions import actions_of, dividend_row, split_row
from features.sources.frames import Row, frame_of, sessions_in
from features.sources.http.errors import SourceDown
from features.sources.http.transport import Transport
from features.sources.protocol import SPLIT_ADJUSTED, Access, Fetched

if TYPE_CHECKING:
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.data.timeframe import TimeFrame

PER_MINUTE = 150  # of the 200 that an account has; the rest is for orders
_BATCH_BARS = 100_000  # bars that one fetch should bring: ten pages
_PAGE_BARS = 10_000
_PAGE_ACTIONS, _MOST_PAGES = 1000, 50
_DAY_MINUTES = 960  # of a trading day with its early and late hours


class AlpacaSource:
    """Consolidated (SIP) bars since 2016, adjusted for splits.

    The free plan does not hand out the last 15 minutes (403): the window ends 16 minutes ago.

    Args:
        api_key: Key of a paper account.
        secret_key: Its secret.
        access: How it is reached.
    """

    name: ClassVar[str] = "alpaca"
    key_variables: ClassVar[str] = "ALPACA_PAPER_API_KEY and ALPACA_PAPER_SECRET_KEY"
    delay = timedelta(minutes=16)

    def __init__(self, api_key: str, secret_key: str, access: Access | None = None) -> None:
        self._keys = (api_key, secret_key)
        self._access = access or Access()

    @classmethod
    def from_settings(cls, settings: Settings, cache: Path) -> Self | None:
        """See `ConfiguredSource.from_settings`."""
        key, secret = settings.alpaca_paper_api_key, settings.alpaca_paper_secret_key
        if not key or not secret:
            return None
        access = Access.from_setting("ALPACA_DATA_URL", settings.alpaca_data_url, cache)
        return cls(key.get_secret_value(), secret.get_secret_value(), access)

    def batches(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> list[list[str]]:
        """Many symbols a request; as many as bring about `_BATCH_BARS` bars."""
        step = INTERVALS[interval] // timedelta(minutes=1)
        bars = sessions_in(start, end) * max(1, _DAY_MINUTES // step)
        size = min(100, max(1, _BATCH_BARS // max(1, bars)))
        return [list(symbols[first : first + size]) for first in range(0, len(symbols), size)]

    def fetch(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> Fetched:
        """All pages of all symbols in one go.

        Raises:
            SourceDown, NotServed, NotEntitled, ConfigError: as `BarSource.fetch` says.
        """
        from alpaca.data.enums import Adjustment, DataFeed
        from alpaca.data.requests import StockBarsRequest

        now = self._access.now()
        last = min(end, now - self.delay) - timedelta(microseconds=1)  # its `end` is included
        request = StockBarsRequest(
            symbol_or_symbols=[dotted(symbol) for symbol in symbols],
            timeframe=_time_frame(interval),
            start=start,
            end=last,
            adjustment=Adjustment.SPLIT,
            feed=DataFeed.SIP,
        )
        rows, missing = self._pages(request.to_request_fields(), symbols)
        return Fetched(frame_of(rows), SPLIT_ADJUSTED, now, missing)

    def _pages(
        self, fields: dict[str, Any], symbols: Sequence[str]
    ) -> tuple[list[Row], dict[str, str]]:
        """Rows of all pages, by symbol and time; a page that brings nothing later is the last one.

        Returns:
            The rows, and why of those symbols that were not all answered, which have none.
        """
        rows: list[Row] = []
        latest: dict[str, str] = {}
        fields = fields | {"limit": _PAGE_BARS}
        while True:
            try:
                bars, token = self._page(fields)
            except SourceDown as failure:
                if not latest:
                    raise
                open_ones = [symbol for symbol in symbols if symbol >= max(latest)]
                whole = [row for row in rows if row[0] not in open_ones]
                return whole, dict.fromkeys(open_ones, failure.why)
            rows += bars
            news = {symbol: max(later) for symbol, later in _times(bars, latest).items() if later}
            latest |= news
            if not news or not token:
                return rows, {}
            fields["page_token"] = token

    def _page(self, fields: dict[str, Any]) -> tuple[list[Row], str | None]:
        try:
            page: Any = self._client.get("/stocks/bars", fields)
            bars = dict(page["bars"] or {}).items()
            rows = [_row(symbol, bar) for symbol, ours in bars for bar in ours or []]
            return rows, page.get("next_page_token")
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise SourceDown(self.name, "its answer has another form than bars") from error

    def actions(self, symbols: Sequence[str], start: datetime, end: datetime) -> pl.DataFrame:
        """Splits and cash dividends, all of them; see `ActionSource.actions`."""
        fields: dict[str, Any] = {
            "symbols": ",".join(dotted(symbol) for symbol in symbols),
            "types": "forward_split,reverse_split,cash_dividend",
            "start": f"{start:%Y-%m-%d}",
            "end": f"{end - timedelta(microseconds=1):%Y-%m-%d}",
            "limit": _PAGE_ACTIONS,
        }
        rows: list[tuple[Any, ...] | None] = []
        for _ in range(_MOST_PAGES):
            page: Any = self._client.get("/corporate-actions", fields, api_version="v1")
            found = page["corporate_actions"]
            for kind in ("forward_splits", "reverse_splits"):
                rows += [
                    split_row(canonical(s["symbol"]), s["ex_date"], s["new_rate"], s["old_rate"])
                    for s in found.get(kind) or []
                ]
            rows += [
                dividend_row(canonical(cash["symbol"]), cash["ex_date"], cash["rate"])
                for cash in found.get("cash_dividends") or []
            ]
            token = page.get("next_page_token")
            if not token or token == fields.get("page_token"):
                break
            fields["page_token"] = token
        return actions_of(rows)

    @cached_property
    def _client(self) -> "StockHistoricalDataClient":
        from alpaca.data.historical import StockHistoricalDataClient

        from features.sources.http.requests_transport import CheckedAdapter

        client = StockHistoricalDataClient(
            *self._keys, raw_data=True, url_override=self._access.base_url
        )
        transport = self._access.transport or Transport(
            self.name, per_minute=PER_MINUTE, shared=self._access.sent
        )
        adapter = CheckedAdapter(transport, self.key_variables)
        client._session.trust_env = self._access.uses_proxy
        client._session.mount("https://", adapter)  # the client offers no other way to a timeout
        client._session.mount("http://", adapter)
        return client


def _time_frame(interval: str) -> "TimeFrame":
    from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

    units = {"m": TimeFrameUnit.Minute, "h": TimeFrameUnit.Hour, "d": TimeFrameUnit.Day}
    return TimeFrame(int(interval[:-1]), units[interval[-1]])


def _row(symbol: str, bar: dict[str, Any]) -> Row:
    opens, *values = bar["t"], *(bar.get(name) for name in "ohlcv")
    return (canonical(symbol), opens, *values)  # type: ignore[return-value]


def _times(rows: list[Row], latest: dict[str, str]) -> dict[str, list[str]]:
    """By symbol, the times of bars that are later than those before."""
    later: dict[str, list[str]] = defaultdict(list)
    for symbol, ts, *_ in rows:
        if isinstance(ts, str) and ts > latest.get(symbol, ""):
            later[symbol].append(ts)
    return later
