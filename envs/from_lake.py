"""From the lake to a Market on disk, built once for the same bars and memory-mapped afterwards."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from cluster.errors import DataError, UsageError
from cluster.files import canonical_json, write_atomic
from envs.from_bars import market_from_bars, market_from_slots
from envs.market import Market
from features.bars.checks import CheckedBars
from features.bars.symbols import canonical_symbols
from features.compute.catalog import FeatureSet
from features.compute.table import session_bars
from features.lake.lake import Lake
from features.lake.origins import Origin, is_simulated, origins_of
from features.slots.bars import SlotRules, slotted_bars
from features.slots.scan import ScanRules
from features.universe.universe import Universe

BUILD_VERSION = 2  # raise it when the same bars give another Market, or a note holds more
_NAMED = 30  # symbols that a command names one by one


@dataclass(frozen=True)
class LakeMarket:
    """A saved Market and how it came about.

    Attributes:
        market: Memory-mapped.
        path: Its folder, named by the hash of its content.
        series: Of the lake, that its bars are of.
        origins: Who those bars were had from.
        left_out: Symbols of the lake that have too few bars to warm their features up.
        built: False when the same bars had been built before.
        slots: Who sits where, where its assets are slots.
    """

    market: Market
    path: Path
    series: str
    origins: tuple[Origin, ...]
    left_out: tuple[str, ...]
    built: bool
    slots: SlotRules | None = None


@dataclass(frozen=True)
class Scanned:
    """Slots in the place of symbols: who may sit in them, and by which rules."""

    rules: ScanRules
    universe: Universe


@dataclass(frozen=True)
class _Recipe:
    """What settles a Market, given the bars of a series."""

    interval: str
    series: str
    features: FeatureSet
    symbols: tuple[str, ...] | None
    sectors: Mapping[str, str] | None
    start: datetime  # of the period
    after: datetime | None  # bars up to then are cut off; None where that cuts nothing
    slots: SlotRules | None
    universe: Universe | None

    def key(self, bars: str) -> str:
        """The name of the note on it; `bars` is the fingerprint of the series."""
        content = [
            *(BUILD_VERSION, bars, self.features.fingerprint, self.symbols),
            sorted(self.sectors.items()) if self.sectors is not None else None,
            self.after.isoformat() if self.after else None,
            self.slots.to_dict() if self.slots else None,
            self.universe.fingerprint if self.universe else None,
        ]
        return sha256(canonical_json(content)).hexdigest()


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
        years: int | None = None,
        scanned: Scanned | None = None,
    ) -> LakeMarket:
        """The Market of these bars, built and saved unless it was before.

        Args:
            interval: Such as `1d`.
            feature_set: The feature set, or its name.
            source: Of the series; None where one has these bars, simulated ones not counted
                beside real ones.
            symbols: Which, in slot order; None: all that have enough bars, sorted.
            sectors: Sector of each symbol, for a set that needs them.
            years: How many of the newest; None: all.
            scanned: Its assets are slots; bars before the period serve the first scans only.

        Raises:
            UsageError: several series have these bars, and none is named.
            DataError: no such bars, or what `market_from_bars` and `slotted_bars` refuse.
        """
        chosen = canonical_symbols(symbols) if symbols is not None else None
        series = self.series(interval, source, chosen)
        first, last = self._span(interval, series)
        start = last - timedelta(days=366 * years) if years else first
        recipe = _Recipe(
            interval=interval,
            series=series,
            features=FeatureSet.of(feature_set),
            symbols=chosen,
            sectors=sectors,
            start=start,
            after=start if years and not scanned and start >= first else None,
            slots=SlotRules(start=start.date(), scan=scanned.rules) if scanned else None,
            universe=scanned.universe if scanned else None,
        )
        key = recipe.key(self.lake.fingerprint(interval, series))
        note = self.folder / "from-lake" / f"{key}.json"
        return self._kept(note, recipe) or self._built(note, recipe)

    def series(self, interval: str, source: str | None, symbols: Sequence[str] | None) -> str:
        """The one series that has these bars; simulated ones do not count beside real ones.

        Raises:
            UsageError: there are several, and none is named.
            DataError: there is none.
        """
        there = self.lake.series(interval)
        found = [name for name in there if source in (None, name)]
        if not found:
            of = f" of source {source}" if source else ""
            raise DataError(
                f"no {interval} bars{of} in the lake",
                f"{self.lake.root} has {_inventory(self.lake)}",
                f"{fetch_command(symbols or (), interval)}, or ploutos data import FILE",
            )
        if len(found) > 1 and symbols is not None:
            rows = self.lake.scan(interval, symbols=symbols).select("series").collect()
            found = sorted(set(rows["series"]).intersection(found)) or found
        found = [name for name in found if not is_simulated(name)] or found
        if len(found) > 1:
            raise UsageError(
                f"the lake has series of {', '.join(found)}",
                "two series are never mixed in one Market",
                f"choose one, as with --source {found[0]}",
            )
        return found[0]

    def _span(self, interval: str, series: str) -> tuple[datetime, datetime]:
        """First and last bar time of a series."""
        ts = pl.col("ts")
        span = self.lake.scan(interval, source=series).select(first=ts.min(), last=ts.max())
        first, last = span.collect().row(0)
        return first, last

    def _kept(self, note: Path, recipe: _Recipe) -> LakeMarket | None:
        """What a note names; None when there is no such note, or its Market was deleted."""
        if not note.is_file():
            return None
        document = json.loads(note.read_bytes())
        path = self.folder / document["market"]
        if not path.is_dir():
            return None
        return LakeMarket(
            market=Market.load(path),
            path=path,
            series=recipe.series,
            origins=tuple(Origin.model_validate(row) for row in document["origins"]),
            left_out=tuple(document["left_out"]),
            built=False,
            slots=recipe.slots,
        )

    def _built(self, note: Path, recipe: _Recipe) -> LakeMarket:
        symbols = recipe.symbols
        stored = self.lake.scan(recipe.interval, source=recipe.series, symbols=symbols).collect()
        if symbols is not None:
            _refuse_missing(symbols, stored, recipe)
        if recipe.after is not None:
            stored = stored.filter(pl.col("ts") > recipe.after)
        left_out: tuple[str, ...] = ()
        bars = self.lake.usable(stored, f"lake {recipe.interval} {recipe.series}")
        if recipe.slots is not None and recipe.universe is not None:
            scans = self.folder / "scan"
            made = slotted_bars(bars, recipe.universe, recipe.slots, recipe.features, scans)
            market = market_from_slots(made)
        else:
            if symbols is None:
                bars, left_out = long_enough(bars, recipe.features)
            market = market_from_bars(bars, recipe.features, symbols, recipe.sectors)
        path = market.save(self.folder)
        used = stored.filter(~pl.col("symbol").is_in(left_out))
        document: dict[str, Any] = {
            "market": path.name,
            "left_out": list(left_out),
            "origins": [origin.model_dump(mode="json") for origin in origins_of(used)],
        }
        write_atomic(note, canonical_json(document))
        return LakeMarket(
            market=Market.load(path),
            path=path,
            series=recipe.series,
            origins=origins_of(used),
            left_out=left_out,
            built=True,
            slots=recipe.slots,
        )


def long_enough(bars: CheckedBars, feature_set: FeatureSet) -> tuple[CheckedBars, tuple[str, ...]]:
    """The bars of symbols that have one with warm features, and the other symbols, sorted.

    Raises:
        DataError: no symbol has.
    """
    counts = session_bars(bars).group_by("symbol").len()
    warm = counts.filter(pl.col("len") > feature_set.warmup)["symbol"]
    too_short = tuple(sorted(set(bars.symbols) - set(warm)))
    if warm.is_empty():
        longest = counts.sort("len", "symbol").row(-1, named=True)
        raise DataError(
            "no symbol has enough bars",
            f"{longest['symbol']} has most, {longest['len']} inside sessions, and the features "
            f"need more than {feature_set.warmup} to warm up",
            f"give earlier bars: {fetch_command(bars.symbols, bars.interval)}",
        )
    return bars.filter(~pl.col("symbol").is_in(too_short)), too_short


def fetch_command(symbols: Sequence[str], interval: str, start: date | None = None) -> str:
    """The command that fetches these bars; all of them where no symbol is named."""
    named = " ".join(symbols) if 0 < len(symbols) <= _NAMED else "SYMBOL..."
    day = f"{start:%Y-%m-%d}" if start else "YYYY-MM-DD"
    return f"ploutos data fetch {named} --interval {interval} --start {day}"


def _refuse_missing(symbols: Sequence[str], stored: pl.DataFrame, recipe: _Recipe) -> None:
    missing = sorted(set(symbols) - set(stored["symbol"]))
    if missing:
        raise DataError(
            f"no bars for {', '.join(missing)}",
            f"the lake's {recipe.interval} series {recipe.series} lacks them; "
            f"{len(set(symbols)) - len(missing)} of {len(set(symbols))} symbols have some",
            fetch_command(missing, recipe.interval, recipe.start),
        )


def _inventory(lake: Lake) -> str:
    held = lake.status()
    rows = [
        f"{row['interval']} bars of {row['symbols']} symbols ({row['source']})"
        for row in held.to_dicts()
    ]
    return ", ".join(rows) or "no bars"
