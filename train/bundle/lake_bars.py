"""The bars of the lake that a bundle can be walked over."""

from typing import TYPE_CHECKING

from cluster.errors import DataError
from cluster.settings import Home
from train.bundle.manifest import Manifest

if TYPE_CHECKING:
    from features import CheckedBars


def lake_bars(
    home: Home, manifest: Manifest, source: str | None = None, *, all_symbols: bool = False
) -> "tuple[CheckedBars, str]":
    """Bars of a bundle's interval and symbols, and the series that they are of.

    Args:
        home: Whose lake.
        manifest: Of the bundle; one with slots takes every symbol that may sit in them.
        source: Of the series; None for the one that the bundle was made on, else the only one.
        all_symbols: Take every symbol in any case.

    Raises:
        UsageError: several series have them, and none is named.
        DataError: the lake has none of them.
    """
    from envs.from_lake import LakeMarkets, fetch_command
    from features import Lake, check_bars

    lake, interval = Lake(home.lake), manifest.data.interval
    symbols = None if manifest.slots or all_symbols else list(manifest.symbols)
    if source is None and manifest.data.label in lake.series(interval):
        source = manifest.data.label
    series = LakeMarkets(lake, home.tables).series(interval, source, symbols)
    bars = lake.scan(interval, source=series, symbols=symbols).collect()
    if bars.is_empty():
        named = ", ".join(manifest.symbols[:5])
        raise DataError(
            f"the lake has no {interval} bars of this bundle's symbols",
            f"it was made for {named}{', ...' if manifest.num_assets > 5 else ''}; "
            f"series {series} has none of them",
            f"{fetch_command(symbols or (), interval, manifest.data.start)}, or --bars FILE",
        )
    return check_bars(bars, origin=f"{interval} bars of the lake"), series
