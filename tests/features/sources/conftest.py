"""Sources whose clients are the real ones, and whose servers are local."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

import servers
from features.sources.alpaca import AlpacaSource
from features.sources.http.transport import Clock, Patience, Transport
from features.sources.polygon import PolygonSource
from features.sources.protocol import Access
from features.sources.yahoo import YahooSource

NOW = datetime(2024, 3, 1, 22, tzinfo=UTC)  # a Friday, an hour after the close
PRICES = {"AAA": 100.0, "BBB": 50.0, "BRK.B": 400.0, "BRK-B": 400.0}


@dataclass
class FakeClock:
    """Time that passes only while somebody sleeps."""

    time_s: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_s += seconds

    def seconds(self) -> float:
        return self.time_s

    def clock(self) -> Clock:
        return Clock(
            monotonic=self.seconds, sleep=self.sleep, random=lambda: 0.5, wall=self.seconds
        )


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def market() -> servers.Market:
    return servers.Market(dict(PRICES))


@dataclass
class Vendors:
    """The three servers, and sources that ask them."""

    alpaca: servers.Vendor
    yahoo: servers.Vendor
    polygon: servers.Vendor
    clock: FakeClock
    cache: Path
    deadline_s: float = 5.0
    now: datetime = NOW

    def transport(self, name: str) -> Transport:
        patience = Patience(deadline_s=self.deadline_s)
        return Transport(name, per_minute=1000, patience=patience, clock=self.clock.clock())

    def access(self, name: str, vendor: servers.Vendor) -> Access:
        return Access(vendor.url, self.transport(name), lambda: self.now)

    def alpaca_source(self, key: str = "key") -> AlpacaSource:
        return AlpacaSource(key, "secret", self.access("alpaca", self.alpaca))

    def yahoo_source(self) -> YahooSource:
        return YahooSource(self.cache, self.access("yahoo", self.yahoo))

    def polygon_source(self, key: str = "key") -> PolygonSource:
        return PolygonSource(key, self.access("polygon", self.polygon))

    def source(self, name: str) -> AlpacaSource | YahooSource | PolygonSource:
        return getattr(self, f"{name}_source")()

    def server(self, name: str) -> servers.Vendor:
        return getattr(self, name)


@pytest.fixture
def vendors(
    market: servers.Market, fake_clock: FakeClock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Vendors]:
    cache = tmp_path_factory.getbasetemp() / "yfinance"  # it opens its files once a process
    with (
        servers.serving(servers.alpaca(market)) as alpaca,
        servers.serving(servers.yahoo(market)) as yahoo,
        servers.serving(servers.polygon(market)) as polygon,
    ):
        yield Vendors(alpaca, yahoo, polygon, fake_clock, cache)
