"""The arrays of a Market, and what they must satisfy; a refusal names array, symbol and bar."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import DataError, UsageError
from envs.arrays import Bool, Float32, Float64, Int64
from envs.observation import MAX_EXACT_BAR
from envs.window import Window
from features.compute.feature_limit import FEATURE_LIMIT

ARRAYS = {
    "ts": "datetime64[us]",
    "session": "int64",
    "open": "float64",
    "close": "float64",
    "volume": "float64",
    "volatility": "float64",
    "tradable": "bool",
    "features": "float32",
    "occupant": "int64",
    "exit_price": "float64",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MarketArrays:
    """The fields of a `Market`."""

    symbols: tuple[str, ...]
    feature_names: tuple[str, ...]
    ts: NDArray[np.datetime64]  # (T,) datetime64[us], bar open, UTC; NaT where unknown
    session: Int64  # (T,), trading-session number; a new number starts a trading day
    close: Float64  # (T, A), USD, last price carried where not tradable
    tradable: Bool  # (T, A)
    features: Float32  # (T, A, F), within [-10, 10]; row t uses bars <= t only
    open: Float64 | None = None  # (T, A), USD
    volume: Float64 | None = None  # (T, A), shares
    volatility: Float64 | None = None  # (T, A), standard deviation of one bar's return
    occupant: Int64 | None = None  # (T, A), index into `names`; -1: the slot is empty
    exit_price: Float64 | None = None  # (T, A), USD, of who leaves the slot at that bar, else 0
    names: tuple[str, ...] = ()  # (N,), who ever sits in a slot

    @property
    def num_bars(self) -> int:
        """T."""
        return int(self.close.shape[0])

    @property
    def num_assets(self) -> int:
        """A."""
        return int(self.close.shape[1])

    @property
    def num_features(self) -> int:
        """F."""
        return int(self.features.shape[2])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that are present, by field name."""
        present = {name: getattr(self, name) for name in ARRAYS}
        return {name: array for name, array in present.items() if array is not None}


def check(market: MarketArrays) -> None:
    """Check everything.

    Raises:
        DataError: on the first thing that is wrong.
    """
    _check_shapes(market)
    _check_clock(market)
    _check_prices(market)
    for name in ("volume", "volatility"):
        array = getattr(market, name)
        if array is not None:
            _refuse(market, name, array, ~(np.isfinite(array) & (array >= 0)), "must be >= 0")
    check_features(market)
    if market.occupant is not None or market.exit_price is not None or market.names:
        _check_slots(market)


def check_matrix(close: Float64) -> None:
    """Refuse a close that is not (T, A), or too short or too long."""
    if close.ndim != 2 or close.shape[0] < 2 or close.shape[1] < 1:
        raise DataError("close has a wrong shape", f"{close.shape}; (T >= 2, A >= 1) is needed")
    if close.shape[0] > MAX_EXACT_BAR:
        raise DataError("too many bars", f"{close.shape[0]}; at most {MAX_EXACT_BAR} fit")


def check_features(market: MarketArrays) -> None:
    """Refuse a feature table of a wrong shape, or with a number outside [-10, 10]."""
    features = market.features
    wanted = (*market.close.shape, len(market.feature_names))
    if features.shape != wanted:
        raise DataError("features have a wrong shape", f"{features.shape}; {wanted} is needed")
    if features.size and not (np.abs(features).max() <= FEATURE_LIMIT):
        bad = ~(np.abs(features) <= FEATURE_LIMIT)
        bar, asset, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"feature {market.feature_names[column]} of {_where(market, bar, asset)} "
            f"is {features[bar, asset, column]}",
            "features must be finite and within [-10, 10]",
            "scale and clip the column",
        )


def check_window(market: MarketArrays, window: Window) -> None:
    """Refuse what is no window, or one that holds no step or leaves the Market."""
    if not isinstance(window, Window):
        raise UsageError(
            f"a window is an envs.Window, not {window!r}",
            "Window(start, stop) is half-open: `stop` is no bar of it",
        )
    if not 0 <= window.start < window.last < market.num_bars:
        raise UsageError(
            f"window [{window.start}, {window.stop}) does not fit",
            f"at least two of the {market.num_bars} bars are needed",
        )


def _check_shapes(market: MarketArrays) -> None:
    bars, assets = market.close.shape
    if len(market.symbols) != assets or len(set(market.symbols)) != assets:
        raise DataError("symbols do not fit", f"{assets} different names are needed")
    for name, array in market.arrays().items():
        wanted = (bars,) if name in ("ts", "session") else (bars, assets)
        if name != "features" and array.shape != wanted:
            raise DataError(f"{name} has a wrong shape", f"{array.shape}; {wanted} is needed")


def _check_clock(market: MarketArrays) -> None:
    if not np.isnat(market.ts).all():
        steps = np.diff(market.ts)
        late = np.flatnonzero(~(steps > np.timedelta64(0, "us")))
        if late.size:
            raise DataError(f"ts of bar {late[0] + 1} is not after that of bar {late[0]}")
    back = np.flatnonzero(np.diff(market.session) < 0)
    if back.size:
        raise DataError(f"session of bar {back[0] + 1} is before that of bar {back[0]}")


def _check_prices(market: MarketArrays) -> None:
    """A tradable bar has prices; after an asset's first one there is always a price to carry."""
    listed = np.logical_or.accumulate(market.tradable, axis=0)
    if market.occupant is not None:
        listed &= market.occupant >= 0
    for name in ("close", "open"):
        prices = getattr(market, name)
        if prices is None:
            continue
        priced = market.tradable if name == "open" else listed
        good = np.isfinite(prices) & (prices >= 0) & ((prices > 0) | ~priced)
        _refuse(market, name, prices, ~good, "must be finite and positive")


def _check_slots(market: MarketArrays) -> None:
    """Who sits in a slot is named, sits in no other, and leaves it at a price; nobody else does."""
    occupant, exit_price, names = market.occupant, market.exit_price, market.names
    if occupant is None or exit_price is None or not names or len(set(names)) != len(names):
        raise DataError(
            "the slots are not whole",
            "occupant, exit_price and the different names of all who sit in one go together",
            "pass all three to from_arrays",
        )
    if occupant.min() < -1 or occupant.max() >= len(names):
        raise DataError("occupant names nobody", f"-1 or 0 to {len(names) - 1} is needed")
    seats = np.sort(occupant, axis=1)
    twice = (seats[:, 1:] == seats[:, :-1]) & (seats[:, 1:] >= 0)
    if twice.any():
        bar, seat = (int(i) for i in np.argwhere(twice)[0])
        raise DataError(f"{names[seats[bar, seat]]} sits in two slots at bar {bar}")
    empty = (occupant < 0) & market.tradable
    _refuse(market, "occupant", occupant, empty, "an empty slot cannot be traded")
    leaves = np.zeros(occupant.shape, bool)
    leaves[1:] = (occupant[1:] != occupant[:-1]) & (occupant[:-1] >= 0)
    good = np.isfinite(exit_price) & np.where(leaves, exit_price > 0, exit_price == 0)
    good[0] = True  # of a window, it may be the price of who sat there before
    _refuse(market, "exit_price", exit_price, ~good, "who leaves a slot has one, nobody else")


def _refuse(market: MarketArrays, name: str, array: NDArray[Any], bad: Bool, why: str) -> None:
    if not bad.any():
        return
    bar, asset = (int(i) for i in np.argwhere(bad)[0])
    raise DataError(
        f"{name} of {_where(market, bar, asset)} is {array[bar, asset]}",
        why,
        "repair the bars, or mark the bar as not tradable and carry the last price",
    )


def _where(market: MarketArrays, bar: int, asset: int) -> str:
    time = market.ts[bar]
    stamp = "" if np.isnat(time) else f" ({time} UTC)"
    return f"{market.symbols[asset]} at bar {bar}{stamp}"
