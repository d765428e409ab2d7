"""The Market: prices and feature table, read-only, shared by every environment of a process."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cluster.errors import DataError
from cluster.files import canonical_json
from envs import market_arrays, market_files
from envs.arrays import Float32, Float64
from envs.market_arrays import ARRAYS, MarketArrays
from envs.window import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Market(MarketArrays):
    """Bars and features of A assets on one clock of T bars; use `from_arrays` to make one.

    `open`, `volume` and `volatility` may be absent; `require` returns them or says who needs them.

    An asset may be a slot whose name changes: then `occupant` says who sits in it and every other
    column of the bar is that name's own. Without it, an asset is one name throughout.
    """

    @classmethod
    def from_arrays(
        cls,
        *,
        close: ArrayLike,
        open: ArrayLike | None = None,
        session: ArrayLike | None = None,
        volume: ArrayLike | None = None,
        volatility: ArrayLike | None = None,
        tradable: ArrayLike | None = None,
        features: ArrayLike | None = None,
        ts: ArrayLike | None = None,
        symbols: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        occupant: ArrayLike | None = None,
        exit_price: ArrayLike | None = None,
        names: Sequence[str] = (),
    ) -> Self:
        """Build a checked Market; arrays of the right type are viewed, not copied.

        Left out: `session` is the UTC day of `ts`, or one session a bar without `ts`; every bar is
        tradable; the feature table has no columns; assets are called `asset0`, `asset1`, ...

        Raises:
            DataError: a shape that does not fit, or a bad number, naming symbol and bar.
        """
        prices = _read_only(close, "close")
        market_arrays.check_matrix(prices)
        bars, assets = prices.shape
        times = _read_only(np.full(bars, "NaT") if ts is None else ts, "ts")
        if session is None:
            session = np.arange(bars) if ts is None else times.astype("datetime64[D]").astype(int)
        if features is None:
            features = np.zeros((bars, assets, 0), np.float32)
        table = _read_only(features, "features")
        if tradable is None:
            tradable = np.ones((bars, assets), bool)
        market = cls(
            symbols=_names(symbols, "asset", assets),
            feature_names=_names(feature_names, "feature", table.shape[-1]),
            ts=times,
            session=_read_only(session, "session"),
            close=prices,
            tradable=_read_only(tradable, "tradable"),
            features=table,
            open=_optional(open, "open"),
            volume=_optional(volume, "volume"),
            volatility=_optional(volatility, "volatility"),
            occupant=_optional(occupant, "occupant"),
            exit_price=_optional(exit_price, "exit_price"),
            names=tuple(names),
        )
        market_arrays.check(market)
        return market

    @property
    def table(self) -> Float32:
        """The features as (T, A*F), a view."""
        return self.features.reshape(self.num_bars, self.num_assets * self.num_features)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, hex, of everything in the Market."""
        digest = hashlib.sha256(canonical_json(self.header()))
        for name, array in self.arrays().items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()

    def header(self) -> dict[str, Any]:
        """Names and shapes, fit for JSON."""
        described = {
            "symbols": list(self.symbols),
            "feature_names": list(self.feature_names),
            "shapes": {name: list(array.shape) for name, array in self.arrays().items()},
        }
        return described | ({"names": list(self.names)} if self.names else {})

    def require(self, name: str, needed_for: str) -> Float64:
        """The array `open`, `volume`, `volatility` or `exit_price`.

        Raises:
            DataError: the Market has none; says what needs it.
        """
        array: Float64 | None = getattr(self, name)
        if array is None:
            raise DataError(
                f"the Market has no {name}",
                f"{needed_for} needs it",
                f"pass {name}= to from_arrays",
            )
        return array

    def window(self, window: Window) -> Self:
        """The bars of a window, as views.

        Raises:
            UsageError: the window does not lie inside the Market.
        """
        market_arrays.check_window(self, window)
        parts: dict[str, Any] = {name: array[window.slice] for name, array in self.arrays().items()}
        return dataclasses.replace(self, **parts)

    def with_features(self, features: ArrayLike) -> Self:
        """The same bars with another table of the same names, e.g. normalised; (T, A, F) f32.

        Raises:
            DataError: another shape, or a number that is not finite or outside [-10, 10].
        """
        market = dataclasses.replace(self, features=_read_only(features, "features"))
        market_arrays.check_features(market)
        return market

    def save(self, folder: Path) -> Path:
        """Write to `folder/<first 16 of the fingerprint>/`, or reuse what is there; returns that.

        Raises:
            PloutosError: no space or no permission; nothing half-written stays under that name.
        """
        target = Path(folder) / self.fingerprint[:16]
        header = {"fingerprint": self.fingerprint, **self.header()}
        return market_files.write(target, header, self.arrays())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Memory-map what `save` wrote: every process of a machine shares one copy.

        Raises:
            DataError: the folder is not a saved Market, or does not match its header.
        """
        header, arrays = market_files.read(Path(path), ARRAYS)
        market = cls(
            symbols=tuple(header["symbols"]),
            feature_names=tuple(header["feature_names"]),
            names=tuple(header.get("names", ())),
            **arrays,
        )
        # Hashing would read every page; the header was written together with the arrays.
        market.__dict__["fingerprint"] = header["fingerprint"]
        return market


def _read_only(values: ArrayLike, name: str) -> NDArray[Any]:
    """A contiguous read-only view (a copy only where type or layout ask for one)."""
    try:
        given = np.asarray(values)
        if name in ("session", "tradable", "occupant"):  # a float would be cut off without a word
            given = given.astype(ARRAYS[name], casting="safe")
        array = np.ascontiguousarray(given, dtype=ARRAYS[name])
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is no {ARRAYS[name]} array", str(error)) from error
    view = array.view()
    view.flags.writeable = False
    return view


def _optional(values: ArrayLike | None, name: str) -> NDArray[Any] | None:
    return None if values is None else _read_only(values, name)


def _names(given: Sequence[str] | None, prefix: str, count: int) -> tuple[str, ...]:
    return tuple(given) if given is not None else tuple(f"{prefix}{i}" for i in range(count))
