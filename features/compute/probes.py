"""Probes for look-ahead: does a feature change when the bars that it must not know change?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cluster.errors import DataError
from features.compute.catalog import FeatureSet
from features.compute.compute import BAR_FIELDS, KEY, compute_features

TOLERANCE = 1e-9  # of the value, or of the column's scale where that is larger

Compute = Callable[[pl.DataFrame], pl.DataFrame]
Kind = Literal["future cut", "future scrambled", "past cut"]


@dataclass(frozen=True)
class Violation:
    """A column of a symbol that depends on bars it must not know.

    Attributes:
        column: Name of the feature column.
        symbol: Symbol it was seen at.
        ts: First bar whose value changed.
        kind: "future cut" or "future scrambled": look-ahead; "past cut": the value depends on
            more bars than the column's `warmup` says.
        difference: Largest absolute change of a value in this probe.
    """

    column: str
    symbol: str
    ts: datetime
    kind: Kind
    difference: float


@dataclass(frozen=True)
class ProbeReport:
    """What was probed and what failed.

    Attributes:
        probes: How many ran: one is a symbol, a cut and a kind, over all columns.
        violations: One a column, symbol, cut and kind.
    """

    probes: int
    violations: tuple[Violation, ...]


@dataclass(frozen=True)
class _Probe:
    kind: Kind
    bars: pl.DataFrame
    judged: pl.Expr  # which bars of the probe must be as they were


def probe_features(
    bars: pl.DataFrame,
    feature_set: str | FeatureSet = "v6",
    *,
    cuts: int = 4,
    max_symbols: int = 25,
    seed: int = 0,
    compute: Compute | None = None,
) -> ProbeReport:
    """Cut and scramble the future, and cut the past, and compare with the features of all bars.

    Args:
        bars: Columns of `features.BAR_COLUMNS`.
        feature_set: Set to probe, or its name; it says the warm-up and the scale of its columns.
        cuts: How many times to cut at, spread over the span of the bars, all symbols at once.
        max_symbols: Symbols to probe, evenly chosen when there are more.
        seed: Of the cuts and of the scrambling.
        compute: What to probe in place of `compute_features`; a column that is not in the set is
            taken to have the warm-up of the set and scale 1.

    Raises:
        ConfigError: There is no such set.
        DataError: Fewer times than cuts, or what `compute` raises.
    """
    probed = FeatureSet.of(feature_set)
    compute = compute or (lambda frame: compute_features(frame, probed))
    bars = _evenly_chosen(bars, max_symbols).cast(dict.fromkeys(BAR_FIELDS, pl.Float64)).sort(KEY)
    expected = compute(bars)
    judge = _Judge.of(expected, probed)
    probes, violations = 0, list[Violation]()
    for probe in _probes(bars, cuts, np.random.default_rng(seed)):
        symbols = probe.bars.filter(probe.judged)["symbol"].n_unique()
        probes += symbols
        violations += judge.violations(probe, compute(probe.bars))
    return ProbeReport(probes, tuple(violations))


def _evenly_chosen(bars: pl.DataFrame, max_symbols: int) -> pl.DataFrame:
    symbols = bars["symbol"].unique().sort()
    step = -(-len(symbols) // max_symbols)
    return bars.filter(pl.col("symbol").is_in(symbols.gather_every(step).to_list()))


def _probes(bars: pl.DataFrame, cuts: int, rng: np.random.Generator) -> Iterator[_Probe]:
    ts = pl.col("ts")
    for cut in _cut_times(bars, cuts, rng):
        past, future = bars.filter(ts <= cut), bars.filter(ts > cut)
        going_on = future["symbol"].unique().implode()
        judged = (ts <= cut) & pl.col("symbol").is_in(going_on)
        yield _Probe("future cut", past, judged)
        yield _Probe(
            "future scrambled", pl.concat([past, _scrambled(future, rng)]).sort(KEY), judged
        )
        yield _Probe("past cut", future, pl.lit(value=True))


def _cut_times(bars: pl.DataFrame, cuts: int, rng: np.random.Generator) -> list[datetime]:
    """One time in the middle half of each of `cuts` equal parts of the clock."""
    clock = bars["ts"].unique().sort()
    if len(clock) < 2 * cuts:
        raise DataError(
            f"cannot cut {len(clock)} bar times in {cuts} places",
            "a cut needs bars on both sides",
            "give longer bars",
        )
    shares = (np.arange(cuts) + rng.uniform(0.25, 0.75, cuts)) / cuts
    return clock.gather((shares * (len(clock) - 1)).astype(int)).to_list()


def _scrambled(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Keep keys, put valid bars of other times and another level in their place."""
    order = pl.Series(rng.permutation(bars.height))
    level = pl.Series(rng.uniform(0.3, 3.0, bars.height))
    return bars.with_columns(pl.col(column).gather(order) * level for column in BAR_FIELDS)


@dataclass(frozen=True)
class _Judge:
    """Compares the features of a probe with those of all bars."""

    expected: pl.DataFrame
    names: list[str]
    warmup: NDArray[np.int64]  # (F,) bars
    scale: NDArray[np.float64]  # (F,)

    @classmethod
    def of(cls, expected: pl.DataFrame, feature_set: FeatureSet) -> "_Judge":
        names = [name for name in expected.columns if name not in KEY]
        defined = {column.name: (column.warmup, column.scale) for column in feature_set.columns}
        traits = [defined.get(name, (feature_set.warmup, 1.0)) for name in names]
        return cls(
            expected,
            names,
            np.array([warmup for warmup, _ in traits]),
            np.array([scale for _, scale in traits]),
        )

    def violations(self, probe: _Probe, features: pl.DataFrame) -> Iterator[Violation]:
        judged = probe.bars.select(*KEY, number=pl.int_range(pl.len()).over("symbol")).filter(
            probe.judged
        )
        whole, probed = self._values(judged, self.expected), self._values(judged, features)
        difference = np.abs(whole - probed)
        changed = ~(difference <= TOLERANCE * np.maximum(np.abs(whole), self.scale))
        if probe.kind == "past cut":
            changed &= judged["number"].to_numpy()[:, None] >= self.warmup
        for column in np.flatnonzero(changed.any(axis=0)):
            rows = judged.with_columns(difference=difference[:, column]).filter(changed[:, column])
            for symbol, ts, largest in (
                rows.group_by("symbol", maintain_order=True)
                .agg(pl.col("ts").first(), pl.col("difference").max())
                .iter_rows()
            ):
                yield Violation(self.names[column], symbol, ts, probe.kind, largest)

    def _values(self, keys: pl.DataFrame, features: pl.DataFrame) -> NDArray[np.float64]:
        """Values (N, F) at the keys; NaN where the features have no such row."""
        rows = keys.select(KEY).join(features, on=KEY, how="left", maintain_order="left")
        return rows.select(self.names).cast(pl.Float64).to_numpy()
