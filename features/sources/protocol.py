"""What every source of bars can do, and what it is made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Protocol, Self
from urllib.parse import urlsplit

import polars as pl

from cluster.errors import ConfigError
from cluster.settings import Settings
from features.sources.http.transport import Transport

SPLIT_ADJUSTED = "split"  # prices and volume are on the share count of today; dividends are not in


@dataclass(frozen=True)
class Fetched:
    """The answer of one source.

    Args:
        bars: `BAR_SCHEMA`, as the source has them: not checked, in no promised order.
        adjustment: What they are adjusted for.
        retrieved: When they were asked for, UTC.
        missing: Symbols without a whole answer, and why; what came of it is kept. A symbol may also
            have no bars in the window.
    """

    bars: pl.DataFrame
    adjustment: str
    retrieved: datetime
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Access:
    """How a source is reached.

    Args:
        base_url: Stands for the vendor's own; None: that.
        transport: How it is asked; None: at the rate that the source knows of.
        now: The time, UTC.
        sent: File by which our processes count their requests together; None: each its own.
    """

    base_url: str | None = None
    transport: Transport | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sent: Path | None = None

    @classmethod
    def from_setting(cls, variable: str, url: str | None, cache: Path) -> Self:
        """The vendor itself, or a server on this machine that stands for it and has no limit.

        Args:
            variable: Name of the setting.
            url: Its value; None or "": the vendor itself.
            cache: Folder where our processes count the requests to the vendor.

        Raises:
            ConfigError: an address elsewhere, which would be sent the key.
        """
        if not url:
            return cls(sent=cache / f"{variable.partition('_')[0].lower()}-requests.json")
        if not _is_of_this_machine(url):
            why = "it takes addresses of this machine only, such as http://127.0.0.1:8000"
            advice = f"correct or remove {variable} in .env or the environment"
            raise ConfigError(f"setting {variable} is wrong", why, advice)
        return cls(base_url=url.rstrip("/"))

    @property
    def uses_proxy(self) -> bool:
        """Whether the environment's proxies lie on the way; a server of this machine has none."""
        return self.base_url is None


def _is_of_this_machine(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and not (parts.query or parts.fragment)
    try:
        return plain and (host == "localhost" or ip_address(host or "").is_loopback)
    except ValueError:
        return False


class BarSource(Protocol):
    """A vendor of bars."""

    @property
    def name(self) -> str:
        """The name in the lake, such as `alpaca`."""

    @property
    def delay(self) -> timedelta:
        """How long after a bar is over the source is sure to have it, and to hand it out."""

    def batches(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> list[list[str]]:
        """Split symbols into portions that are each worth one `fetch`."""

    def fetch(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> Fetched:
        """Bars with `start` <= opening time < `end` (UTC); daily bars by their date.

        Raises:
            SourceDown: no usable answer to any of it.
            NotServed: the source has nothing of the kind; `NotEntitled`: not in this plan.
            ConfigError: the key is refused.
        """


class ConfiguredSource(BarSource, Protocol):
    """A source that the settings may allow; `configured.SOURCES` names them all."""

    key_variables: ClassVar[str]
    """The variables that hold its key, for a reader; "" where it needs none."""

    @classmethod
    def from_settings(cls, settings: Settings, cache: Path) -> Self | None:
        """The source, not connected yet; None without a key.

        Args:
            settings: Of this installation.
            cache: A folder for what its client keeps.
        """
