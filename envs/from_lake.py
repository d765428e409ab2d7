"""From the lake to a Market on disk, built once for the same bars and memory-mapped afterwards."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from cluster.files import canonical_json, write_atomic
from envs.from_bars import market_from_bars
from envs.market import Market
from features.bars.checks import Bars, CheckedBars, check_bars
from features.bars.symbols import canonical_symbols
from features.compute.catalog import FeatureSet
from features.compute.table import session_bars
from features.lake.lake import Lake

BUILD_VERSION = 1  # raise it when the same bars give another Market


@dataclass(frozen=True)
class LakeMarket:
    """A saved Market and how it came about.

    Attributes:
        market: Memory-mapped.
        path: Its folder, named by the hash of its content.
        left_out: Symbols of the lake that have too few bars to warm their features up.
        built: False when the same bars had been built before.
    """

    market: Market
    path: Path
    left_out: tuple[str, ...]
    built: bool


@dataclass(frozen=True)
class LakeMarkets:
    """Markets of one lake.

    Args:
        lake: Its bars are read.
        folder: Where Markets are kept (`PLOUTOS_HOME/tables`); beside each, under `from-lake`, a
            note names it by what it was built from.
    """

    lake: Lake
    folder: Path

    def market(
        self,
        interval: str,
        feature_set: str | FeatureSet = "v6",
        *,
        source: str | None = None,
        symbols: Sequence[str] | None = None,
        sectors: Mapping[str, str] | None = None,
    ) -> LakeMarket:
        """The Market of these bars, built and saved unless it was before.

        Args:
            interval: Such as `1d`.
            feature_set: The feature set, or its name.
            source: Of the series; None when the lake has one of that interval.
            symbols: Which, in slot order; None: all that have enough bars, sorted.
            sectors: Sector of each symbol, for a set that needs them.

        Raises:
            DataError: no such bars, several series and none named, or what `market_from_bars`
                refuses.
        """
        features = FeatureSet.of(feature_set)
        chosen = list(canonical_symbols(symbols)) if symbols is not None else None
        content = [
            BUILD_VERSION,
            self.lake.fingerprint(interval, source),
            features.fingerprint,
            chosen,
            sorted(sectors.items()) if sectors is not None else None,
        ]
        key = sha256(canonical_json(content)).hexdigest()
        note = self.folder / "from-lake" / f"{key}.json"
        built_before = _read(note, self.folder)
        if built_before is not None:
            return built_before
        stored = self.lake.scan(interval, source=source, symbols=symbols).collect()
        _refuse_several_series(stored)
        bars: Bars = stored
        left_out: tuple[str, ...] = ()
        if chosen is None:
            bars, left_out = _long_enough(check_bars(stored, origin="bars"), features)
        path = market_from_bars(bars, features, chosen, sectors).save(self.folder)
        write_atomic(note, canonical_json({"market": path.name, "left_out": list(left_out)}))
        return LakeMarket(Market.load(path), path, left_out, built=True)


def _read(note: Path, folder: Path) -> LakeMarket | None:
    """What a note names; None when there is no such note, or its Market was deleted."""
    if not note.is_file():
        return None
    document = json.loads(note.read_bytes())
    path = folder / document["market"]
    if not path.is_dir():
        return None
    return LakeMarket(Market.load(path), path, tuple(document["left_out"]), built=False)


def _refuse_several_series(bars: pl.DataFrame) -> None:
    series = bars["series"].unique().sort().to_list()
    if len(series) > 1:
        raise DataError(
            f"the lake has series of {', '.join(series)}",
            "two series are never mixed in one Market",
            f"choose one: ploutos data market --source {series[0]}",
        )


def _long_enough(bars: CheckedBars, feature_set: FeatureSet) -> tuple[CheckedBars, tuple[str, ...]]:
    """The bars of symbols that have one with warm features, and the other symbols, sorted."""
    counts = session_bars(bars).group_by("symbol").len()
    warm = counts.filter(pl.col("len") > feature_set.warmup)["symbol"]
    too_short = tuple(sorted(set(bars.symbols) - set(warm)))
    return bars.filter(~pl.col("symbol").is_in(too_short)), too_short
