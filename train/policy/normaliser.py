"""The scale of the features, measured on the training window and on nothing else."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cluster.errors import DataError
from envs.arrays import Bool, Float32
from envs.window import Window
from features.compute.feature_limit import FEATURE_LIMIT


@dataclass(frozen=True, eq=False)
class Normaliser:
    """`clip((x - mean) / std, -10, 10)`, a feature column at a time, the same for every asset."""

    mean: Float32  # (F,) in units of the column
    std: Float32  # (F,) > 0

    def __post_init__(self) -> None:
        if self.mean.shape != self.std.shape or self.mean.ndim != 1:
            raise DataError("a normaliser needs one mean and one deviation a feature column")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all()):
            raise DataError("the normaliser is not finite", "the features hold NaN or infinity")
        if not (self.std > 0).all():
            raise DataError("the normaliser has a deviation of zero")

    @classmethod
    def fit(
        cls,
        features: Float32,  # (T, A, F)
        tradable: Bool,  # (T, A)
        window: Window,
    ) -> "Normaliser":
        """Measure the columns over the tradable bars of `window`.

        A column that does not move there gets a deviation of 1, so it stays where it is.

        Raises:
            DataError: no tradable bar in the window.
        """
        rows = features[window.slice][tradable[window.slice]].astype(np.float64)  # (N, F)
        if len(rows) == 0:
            raise DataError(
                f"no tradable bar in the training window [{window.start}, {window.stop})"
            )
        std = rows.std(axis=0)
        std[std < 1e-6] = 1.0
        return cls(rows.mean(axis=0).astype(np.float32), std.astype(np.float32))

    def apply(self, features: Float32) -> Float32:
        """Normalise an array whose last axis is F; the result is a new array."""
        scaled = (features - self.mean) / self.std
        return np.clip(scaled, -FEATURE_LIMIT, FEATURE_LIMIT, out=scaled)

    def to_dict(self) -> dict[str, list[float]]:
        """Plain numbers, for a manifest."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Normaliser":
        """The opposite of `to_dict`."""
        return cls(np.asarray(values["mean"], np.float32), np.asarray(values["std"], np.float32))
