"""Local servers that speak the vendors' protocols, each with a script of faults."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from features.bars.sessions import session_dates, sessions_between

PAGE = 8  # bars a page, so that small windows have several
Document = dict[str, Any]


@dataclass
class Reply:
    """What the server sends; `document` is JSON unless `body` says otherwise."""

    status: int = 200
    document: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0  # bytes of the body that are promised and not sent
    drip_s: float = 0.0  # pause after each byte
    hang: bool = False  # never answer

    def data(self) -> bytes:
        return self.body if self.body is not None else json.dumps(self.document).encode()


HTML = Reply(body=b"<!doctype html><html><body>maintenance</body></html>")


@dataclass
class Call:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Vendor:
    """A vendor: `answer` makes its replies, `faults` are sent first, one a request.

    Args:
        answer: The reply to a call.
        counts: Which calls take a fault and are counted; all by default.
    """

    def __init__(
        self, answer: Callable[[Call], Reply], counts: Callable[[Call], bool] = lambda _: True
    ) -> None:
        self.answer = answer
        self.counts = counts
        self.faults: list[Reply] = []
        self.always: Reply | None = None
        self.calls: list[Call] = []
        self.url = ""
        self.ended = Event()

    def reply(self, call: Call) -> Reply:
        if not self.counts(call):
            return self.answer(call)
        self.calls.append(call)
        if self.always is not None:
            return self.always
        return self.faults.pop(0) if self.faults else self.answer(call)


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(vendor))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        vendor.ended.set()
        server.shutdown()
        server.server_close()


@contextmanager
def vendors_of_this_machine(market: "Market") -> Iterator[dict[str, str]]:
    """The three vendors, and the environment in which the whole command `data fetch` meets them."""
    vendors = (serving(make(market)) for make in (alpaca, yahoo, polygon))
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(vendor) for vendor in vendors)
        yield {
            "ALPACA_DATA_URL": first.url,
            "YAHOO_URL": second.url,
            "POLYGON_URL": third.url,
            "ALPACA_PAPER_API_KEY": "key",
            "ALPACA_PAPER_SECRET_KEY": "secret",
            "POLYGON_API_KEY": "key",
        }


def _handler(vendor: Vendor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            send(self, vendor.reply(Call(parts.path, query, dict(self.headers))), vendor.ended)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    return Handler


def send(handler: BaseHTTPRequestHandler, reply: Reply, ended: Event) -> None:
    if reply.hang:
        ended.wait(10)
        handler.close_connection = True
        return
    data = reply.data()
    handler.send_response(reply.status)
    kind = "text/html" if data[:1] == b"<" else "application/json"
    for name, value in ({"Content-Type": kind} | reply.headers).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data) + reply.cut))
    handler.end_headers()
    with suppress(BrokenPipeError, ConnectionResetError):  # the client has had enough
        _write(handler, data, reply.drip_s, ended)
    handler.close_connection = bool(reply.cut or reply.drip_s)


def _write(handler: BaseHTTPRequestHandler, data: bytes, drip_s: float, ended: Event) -> None:
    if not drip_s:
        handler.wfile.write(data)
        return
    for index in range(len(data)):
        if ended.wait(drip_s):
            return
        handler.wfile.write(data[index : index + 1])
        handler.wfile.flush()


@dataclass
class Market:
    """The prices that all vendors have: each symbol rises by 1 a session from its start price.

    Args:
        prices: Of the first day of `start`.
        scale: What a vendor multiplies prices by (2: not adjusted for a 2:1 split).
        lots: What a vendor divides volume by.
        until: Bars that open at this time or later do not exist.
    """

    prices: dict[str, float]
    start: date = date(2024, 1, 2)
    scale: float = 1.0
    lots: float = 1.0
    until: datetime = datetime(2024, 3, 1, tzinfo=UTC)
    alpaca_actions: Document = field(default_factory=dict)
    polygon_actions: Document = field(default_factory=lambda: {"splits": [], "dividends": []})
    yahoo_events: Document = field(default_factory=dict)

    def daily(self, symbol: str, start: datetime, end: datetime) -> list[tuple[date, Document]]:
        days = session_dates(sessions_between(self.start, self.until.date())).tolist()
        low, high = start.date(), (end - timedelta(microseconds=1)).date()
        return [
            (day, self.bar(symbol, index))
            for index, day in enumerate(days)
            if low <= day <= high and datetime(*day.timetuple()[:3], tzinfo=UTC) < self.until
        ]

    def hourly(
        self, symbol: str, start: datetime, end: datetime, minute: int
    ) -> list[tuple[datetime, Document]]:
        """Seven bars a session that start at 14:`minute` UTC (winter)."""
        bars = []
        for index, (day, _) in enumerate(
            self.daily(symbol, datetime(*self.start.timetuple()[:3], tzinfo=UTC), self.until)
        ):
            for hour in range(7):
                ts = datetime(day.year, day.month, day.day, 14 + hour, minute, tzinfo=UTC)
                if start <= ts < end:
                    bars.append((ts, self.bar(symbol, index, hour / 100)))
        return bars

    def bar(self, symbol: str, index: int, more: float = 0.0) -> Document:
        price = (self.prices[symbol] + index + more) * self.scale
        return {
            "o": price,
            "h": price * 1.01,
            "l": price * 0.99,
            "c": price * 1.005,
            "v": (1000.0 + index) / self.lots,
        }


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC)


def alpaca(market: Market, page: int = PAGE) -> Vendor:
    """`GET /v2/stocks/bars`, several symbols, in pages."""

    def answer(call: Call) -> Reply:
        if call.headers.get("APCA-API-KEY-ID") != "key":
            return Reply(401, {"message": "forbidden."})
        if "corporate-actions" in call.path:
            return Reply(document={"corporate_actions": market.alpaca_actions})
        start, end = utc(call.query["start"]), utc(call.query["end"])
        rows = [
            (symbol, {"t": ts, "n": 7, "vw": bar["o"], **bar})
            for symbol in call.query["symbols"].split(",")
            if symbol in market.prices
            for ts, bar in _alpaca_bars(market, symbol, call.query["timeframe"], start, end)
        ]
        first = int(call.query.get("page_token", 0))
        bars: dict[str, list[Document]] = {}
        for symbol, bar in rows[first : first + page]:
            bars.setdefault(symbol, []).append(bar)
        more = str(first + page) if first + page < len(rows) else None
        return Reply(document={"bars": bars, "next_page_token": more})

    return Vendor(answer, counts=lambda call: "corporate-actions" not in call.path)


def _alpaca_bars(
    market: Market, symbol: str, timeframe: str, start: datetime, end: datetime
) -> list[tuple[str, Document]]:
    end += timedelta(microseconds=1)
    if timeframe == "1Day":
        return [(f"{day}T05:00:00Z", bar) for day, bar in market.daily(symbol, start, end)]
    return [(f"{ts:%Y-%m-%dT%H:%M:%SZ}", bar) for ts, bar in market.hourly(symbol, start, end, 0)]


def polygon(market: Market) -> Vendor:
    """`/v2/aggs/ticker/...` in pages, and `/v2/aggs/grouped/...`."""

    def answer(call: Call) -> Reply:
        if call.headers.get("Authorization") != "Bearer key":
            return Reply(401, {"status": "ERROR", "request_id": "1", "error": "Unknown API Key"})
        parts = call.path.split("/")
        if parts[1] == "v3":
            return Reply(document={"status": "OK", "results": market.polygon_actions[parts[3]]})
        if parts[3] == "grouped":
            return Reply(document=_grouped_day(market, date.fromisoformat(parts[-1])))
        symbol, timespan = parts[4], parts[7]
        first, last = (datetime.fromtimestamp(int(ms) / 1000, UTC) for ms in parts[8:10])
        if symbol not in market.prices:
            return Reply(document={"ticker": symbol, "queryCount": 0, "status": "OK"})
        rows = _aggregates(market, symbol, timespan, first, last + timedelta(milliseconds=1))
        page = int(call.query.get("cursor", 0))
        document: Document = {
            "ticker": symbol,
            "adjusted": True,
            "results": rows[page : page + PAGE],
            "status": "OK",
        }
        if page + PAGE < len(rows):
            document["next_url"] = f"https://api.polygon.io{call.path}?cursor={page + PAGE}"
        return Reply(document=document)

    return Vendor(answer, counts=lambda call: "/v3/" not in call.path)


def _aggregates(
    market: Market, symbol: str, timespan: str, start: datetime, end: datetime
) -> list[Document]:
    if timespan == "day":
        bars = [
            (datetime(day.year, day.month, day.day, 5, tzinfo=UTC), bar)
            for day, bar in market.daily(symbol, start, end)
        ]
    else:
        bars = market.hourly(symbol, start, end, 0)
    return [{"t": int(ts.timestamp() * 1000), "n": 7, "vw": bar["o"], **bar} for ts, bar in bars]


def _grouped_day(market: Market, day: date) -> Document:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    close = int((start + timedelta(hours=21)).timestamp() * 1000)
    rows = [
        {"T": symbol, "t": close, **bar}
        for symbol in market.prices
        for _, bar in market.daily(symbol, start, start + timedelta(days=1))
    ]
    return {"queryCount": len(rows), "adjusted": True, "results": rows, "status": "OK"}


def yahoo(market: Market) -> Vendor:
    """`/v8/finance/chart/SYMBOL`, and the cookie and crumb pages (which are not counted)."""

    def answer(call: Call) -> Reply:
        if "/finance/chart/" not in call.path:
            return Reply(body=b"crumb1" if "getcrumb" in call.path else b"")
        symbol = call.path.rsplit("/", 1)[1]
        if symbol not in market.prices:
            return Reply(404, chart_error("Not Found", "No data found, symbol may be delisted"))
        return Reply(document=chart(market, symbol, call.query))

    return Vendor(answer, counts=lambda call: "period1" in call.query)


def chart_error(code: str, description: str) -> Document:
    return {"chart": {"result": None, "error": {"code": code, "description": description}}}


def chart(market: Market, symbol: str, query: dict[str, str]) -> Document:
    interval = query["interval"]
    end = int(query.get("period2", time.time()))
    start = int(query.get("period1", end - 86400))
    window = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    if interval == "1d":
        bars = [
            (datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC), bar)
            for day, bar in market.daily(symbol, *window)
        ]
    else:
        bars = market.hourly(symbol, *window, minute=30)
    if not bars:  # this is how it looks, with status 200
        empty = {"meta": _meta(symbol, interval, []), "indicators": {"quote": [{}]}}
        return {"chart": {"result": [empty], "error": None}}
    names = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    quote = {name: [bar[key] for _, bar in bars] for name, key in names.items()}
    result: Document = {
        "meta": _meta(symbol, interval, sorted({ts.date() for ts, _ in bars})),
        "timestamp": [int(ts.timestamp()) for ts, _ in bars],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
        "events": market.yahoo_events,
    }
    return {"chart": {"result": [result], "error": None}}


def _period(day: date) -> Document:
    start = int(datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC).timestamp())
    return {"timezone": "EST", "start": start, "end": start + 23400, "gmtoffset": -18000}


def _meta(symbol: str, interval: str, days: list[date]) -> Document:
    day = _period(date(2024, 3, 1))
    return {
        "currency": "USD",
        "symbol": symbol,
        "exchangeName": "NMS",
        "instrumentType": "EQUITY",
        "firstTradeDate": 345479400,
        "regularMarketTime": 1709326800,
        "gmtoffset": -18000,
        "timezone": "EST",
        "exchangeTimezoneName": "America/New_York",
        "priceHint": 2,
        "currentTradingPeriod": {"pre": day, "regular": day, "post": day},
        "tradingPeriods": [[_period(session)] for session in days],
        "dataGranularity": interval,
        "validRanges": ["1d", "5d", "1mo", "max"],
    }
