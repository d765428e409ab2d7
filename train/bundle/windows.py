"""The bars that a bundle is walked over, its own or new ones, and which of them are unseen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from cluster.errors import ConfigError, DataError, PloutosError
from cluster.settings import Home
from envs import Market, Window
from train.bundle.lake_bars import lake_bars
from train.bundle.manifest import FoldSpan, Manifest
from train.market.stored import open_market

if TYPE_CHECKING:
    from features import Bars, CheckedBars


def bundle_market(home: Home, manifest: Manifest) -> Market:
    """The bars that a bundle was made on, from the tables of this home, else made of its lake.

    Raises:
        PloutosError: they are not here, or the bundle names no fold.
    """
    last_fold(manifest)
    fingerprint = manifest.data.fingerprint
    folder = home.tables / fingerprint[:16]
    if folder.is_dir():
        return open_market(folder, fingerprint)
    try:
        market = _from_lake(home, manifest)
    except PloutosError as error:
        raise _not_here(manifest, f"no {folder}; {error.what}", error.next_command) from error
    if market.fingerprint != fingerprint:
        span = f"{manifest.data.start:%Y-%m-%d} to {manifest.data.end:%Y-%m-%d}"
        why = f"no {folder}; the lake's bars of {span} are others, or have changed"
        raise _not_here(manifest, why, "give those bars, as with --bars FILE")
    market.save(home.tables)
    return market


def _from_lake(home: Home, manifest: Manifest) -> Market:
    """The lake's bars of the same days; those of slots begin with the series, as its own did."""
    import polars as pl

    bars, _ = lake_bars(home, manifest)
    bars = bars.filter(pl.col("ts") <= manifest.data.end)
    if manifest.slots is None:
        bars = bars.filter(pl.col("ts") >= manifest.data.start)
    return market_of_bars(home, bars, manifest)


def _not_here(manifest: Manifest, why: str, advice: str) -> PloutosError:
    return PloutosError(f"the bars of bundle {manifest.bundle_id} are not here", why, advice)


def market_of_bars(
    home: Home, bars: "Bars", manifest: Manifest, symbols: Sequence[str] | None = None
) -> Market:
    """Other bars with a bundle's features, in the order of `symbols`: by default its own.

    Where its symbols are slots, the universe of this home and the bundle's own rules settle who
    sits in them; the bars must then begin as early as its own, for the seats follow from the first
    scan on.

    Raises:
        BundleError: the features of this version are others.
        ConfigError: the bars have another interval.
        DataError: a symbol is missing, or other slots are seated.
    """
    from envs.from_bars import market_from_bars
    from features import check_bars

    checked = check_bars(bars, origin="bars")
    _check_kind(manifest, checked)
    if manifest.slots is not None:
        return _slotted(home, checked, manifest)
    wanted = tuple(symbols or manifest.tickers)
    missing = sorted(set(wanted) - set(checked.symbols))
    if missing:
        raise DataError(
            f"the bars lack {', '.join(missing[:5])}",
            f"bundle {manifest.bundle_id} trades {len(wanted)} symbols, "
            f"{len(missing)} of them are missing",
            "give bars of all its symbols",
        )
    return market_from_bars(checked, manifest.feature_set, wanted)


def _check_kind(manifest: Manifest, bars: "CheckedBars") -> None:
    from features import feature_fingerprint

    manifest.check_features(feature_fingerprint(manifest.feature_set))
    if bars.interval != manifest.data.interval:
        raise ConfigError(
            f"bundle {manifest.bundle_id} acts on {manifest.data.interval} bars",
            f"these are {bars.interval} bars",
            f"give {manifest.data.interval} bars",
        )


def _slotted(home: Home, bars: "CheckedBars", manifest: Manifest) -> Market:
    from envs.from_bars import market_from_slots
    from features.slots.bars import slotted_bars
    from features.universe.store import load_universe

    assert manifest.slots is not None
    rules, universe = manifest.slots.rules(), load_universe(home.universe)
    folder = home.tables / "scan"
    market = market_from_slots(slotted_bars(bars, universe, rules, manifest.feature_set, folder))
    if market.symbols != manifest.symbols:
        raise DataError(
            f"these bars seat other slots than bundle {manifest.bundle_id} has",
            f"{', '.join(market.symbols[:5])}, ... instead of {', '.join(manifest.symbols[:5])}",
            "give bars from its own start on, with the universe that it was made with",
        )
    return market


def last_fold(manifest: Manifest) -> FoldSpan:
    """The fold that a bundle was trained, chosen and judged on.

    Raises:
        PloutosError: it names none.
    """
    if not manifest.folds:
        raise PloutosError(f"bundle {manifest.bundle_id} has no test window", "it names no fold")
    return manifest.folds[-1]


def judged_window(manifest: Manifest) -> Window:
    """The bars that a bundle is judged on, in its own market."""
    return last_fold(manifest).test


def unseen_window(manifest: Manifest, market: Market) -> Window:
    """The bars that a bundle has not trained on, as a window of `market`.

    In its own market, all after the train part of its last fold; the validation part is among them,
    and chose it. In any other, all after the end of its own data.

    Raises:
        DataError: there are none.
    """
    if market.fingerprint == manifest.data.fingerprint:
        return Window(last_fold(manifest).train.stop, market.num_bars)
    return later_window(manifest, market)


def later_window(manifest: Manifest, market: Market) -> Window:
    """The sessions after a bundle's own data, from where a symbol can be traded.

    Raises:
        DataError: there are no two such bars.
    """
    end = np.datetime64(manifest.data.end.replace(tzinfo=None), "us")
    known = market.session[market.ts <= end]  # a session that it knows the start of is no later one
    tradable = market.tradable.any(axis=1)
    later = np.flatnonzero((market.session > known.max(initial=-1)) & tradable)
    if len(later) < 2 or later[0] >= market.num_bars - 1:
        last = market.ts[-1].astype("datetime64[D]")
        raise DataError(
            "these bars hold no session that the bundle has not seen",
            f"bundle {manifest.bundle_id} was made on bars up to {manifest.data.end:%Y-%m-%d}, "
            f"and these end on {last}, the first ones being needed to warm the features up",
            "give later bars; ploutos model show tells its verdict on the bars it was made on",
        )
    return Window(int(later[0]), market.num_bars)


@dataclass(frozen=True)
class WalkedDays:
    """Days that a bundle is walked over, and what they were to its making."""

    first: date
    last: date
    parts: str  # of its own data: "train", "validation+test", "later", ...; "" where not known

    @property
    def trained_on(self) -> bool:
        """Whether some of them were trained on: what a policy earns there says nothing."""
        return "train" in self.parts

    @property
    def is_reading(self) -> bool:
        """Whether they show of the bundle what its training had not seen."""
        return self.parts != "train"


def walked_days(
    home: Home, manifest: Manifest, first: date | None, last: date | None, bars: "CheckedBars"
) -> WalkedDays:
    """Days for a walk over bars: by default those of the test window, else from or to their end.

    Raises:
        PloutosError: no day is named, and the bundle's own bars are not here to tell its window.
    """
    ends = bars.frame["ts"].dt.date()
    begin: date = first or ends.min()  # type: ignore[assignment]  # it has rows
    end: date = last or ends.max()  # type: ignore[assignment]
    try:
        market = bundle_market(home, manifest)
    except PloutosError:
        if first is None and last is None:
            raise
        return WalkedDays(begin, end, "")
    days = market.ts.astype("datetime64[D]")
    if first is None and last is None:
        test = judged_window(manifest)
        begin, end = days[[test.start, test.last]].tolist()
    low, high = np.searchsorted(days, [np.datetime64(begin), np.datetime64(end) + 1]).tolist()
    parts = [parts_of(manifest, market, Window(low, high))] if high > low else []
    if np.datetime64(end) > days[-1]:
        parts.append("later")
    return WalkedDays(begin, end, "+".join(parts) or "earlier")


def parts_of(manifest: Manifest, market: Market, window: Window) -> str:
    """Which parts of a bundle's own data a window touches: `validation+test`, `later`, ..."""
    if market.fingerprint != manifest.data.fingerprint:
        return "later"
    fold = last_fold(manifest)
    named = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    found = [name for name, part in named.items() if window.touches(part)]
    return "+".join(found) or "between"
