"""The bars that a session walks over; `features.AlignedTable` is one."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol

import numpy as np


class BarTable(Protocol):
    """Bars of A symbols on one clock of T bars, and their features."""

    @property
    def ts(self) -> np.ndarray:
        """Opening times, (T,) datetime64[us], UTC."""

    @property
    def session(self) -> np.ndarray:
        """Exchange session numbers, (T,) i64."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """A names, in slot order."""

    @property
    def open(self) -> np.ndarray:
        """(T, A) f64, USD; the last price is carried where not tradable."""

    @property
    def high(self) -> np.ndarray:
        """(T, A) f64, USD."""

    @property
    def low(self) -> np.ndarray:
        """(T, A) f64, USD."""

    @property
    def close(self) -> np.ndarray:
        """(T, A) f64, USD."""

    @property
    def volume(self) -> np.ndarray:
        """(T, A) f64, units a bar."""

    @property
    def volatility(self) -> np.ndarray:
        """(T, A) f64, standard deviation of returns."""

    @property
    def tradable(self) -> np.ndarray:
        """(T, A) bool."""

    @property
    def features(self) -> np.ndarray:
        """(T, A, F) f32, raw, as `features.aligned_table` makes them."""


def bar_time(table: BarTable, bar: int) -> str:
    """The opening time of a bar, ISO 8601 in UTC."""
    moment: datetime = table.ts[bar].astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC).isoformat()


def decision_id(table: BarTable, bar: int) -> str:
    """The id of the decision at a bar's close: its opening time, `20261127T143000`."""
    moment: datetime = table.ts[bar].astype("datetime64[us]").item()
    return moment.strftime("%Y%m%dT%H%M%S")


def prices_of(table: BarTable, prices: np.ndarray, symbols: Iterable[str]) -> dict[str, float]:
    """One bar's prices of some symbols.

    Args:
        table: Where the columns are named.
        prices: (A,) f64, USD.
        symbols: Whose prices.
    """
    return {symbol: float(prices[table.symbols.index(symbol)]) for symbol in symbols}


def fingerprint(table: BarTable, first: int, last: int) -> str:
    """SHA-256 over all that decides in the bars `first` to `last`, both included."""
    digest = sha256(" ".join(table.symbols).encode())
    prices = (table.open, table.high, table.low, table.close)
    others = (table.tradable, table.volume, table.volatility, table.features)
    for array in (table.ts, *prices, *others):
        digest.update(np.ascontiguousarray(array[first : last + 1]).tobytes())
    return digest.hexdigest()
