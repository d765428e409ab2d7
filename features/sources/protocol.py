"""What every source of bars can do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import polars as pl

INTERVALS = {
    "1m": timedelta(minutes=1),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
SPLIT_ADJUSTED = "split"  # prices and volume are on the share count of today; dividends are not in


@dataclass(frozen=True)
class Fetched:
    """The answer of one source.

    Args:
        bars: `BAR_SCHEMA`, as the source has them: not checked, in no promised order.
        adjustment: What they are adjusted for.
        retrieved: When they were asked for, UTC.
        missing: Symbols without an answer, and why; a symbol may also have no bars in the window.
    """

    bars: pl.DataFrame
    adjustment: str
    retrieved: datetime
    missing: Mapping[str, str]


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
