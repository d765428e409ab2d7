"""Bars, the lake, the simulated market, sessions and feature columns."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.bars.checks import BAR_COLUMNS as BAR_COLUMNS
    from features.bars.checks import Bars as Bars
    from features.bars.checks import CheckedBars as CheckedBars
    from features.bars.checks import check_bars as check_bars
    from features.bars.checks import interval_of as interval_of
    from features.bars.checks import list_defects as list_defects
    from features.bars.checks import split_bad as split_bad
    from features.bars.summary import BarsSummary as BarsSummary
    from features.bars.summary import summarise as summarise
    from features.compute.catalog import feature_fingerprint as feature_fingerprint
    from features.compute.catalog import feature_names as feature_names
    from features.compute.catalog import warmup_bars as warmup_bars
    from features.compute.compute import compute_features as compute_features
    from features.compute.table import AlignedTable as AlignedTable
    from features.compute.table import aligned_table as aligned_table
    from features.formats.files import read_raw as read_raw
    from features.formats.read import read_bars as read_bars
    from features.lake.lake import Lake as Lake
    from features.simulated.simulated import SimulatedMarket as SimulatedMarket
    from features.slots.scan import scan_sectors as scan_sectors
    from features.universe.sector_of import with_sectors as with_sectors
    from features.universe.universe import Universe as Universe

_HOME_OF = {
    "BAR_COLUMNS": "features.bars.checks",
    "Bars": "features.bars.checks",
    "CheckedBars": "features.bars.checks",
    "check_bars": "features.bars.checks",
    "interval_of": "features.bars.checks",
    "list_defects": "features.bars.checks",
    "split_bad": "features.bars.checks",
    "read_bars": "features.formats.read",
    "read_raw": "features.formats.files",
    "Lake": "features.lake.lake",
    "SimulatedMarket": "features.simulated.simulated",
    "AlignedTable": "features.compute.table",
    "aligned_table": "features.compute.table",
    "scan_sectors": "features.slots.scan",
    "with_sectors": "features.universe.sector_of",
    "Universe": "features.universe.universe",
    "BarsSummary": "features.bars.summary",
    "summarise": "features.bars.summary",
    "compute_features": "features.compute.compute",
    "feature_fingerprint": "features.compute.catalog",
    "feature_names": "features.compute.catalog",
    "warmup_bars": "features.compute.catalog",
}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    """Import the module that holds a public name when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'features' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
