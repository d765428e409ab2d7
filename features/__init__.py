"""Bars, the lake, the simulated market, sessions and feature columns."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.bars import BAR_COLUMNS as BAR_COLUMNS
    from features.bars import check_bars as check_bars
    from features.bars import interval_of as interval_of
    from features.bars import list_defects as list_defects
    from features.bars import split_bad as split_bad
    from features.catalog import feature_fingerprint as feature_fingerprint
    from features.catalog import feature_names as feature_names
    from features.catalog import warmup_bars as warmup_bars
    from features.compute import compute_features as compute_features
    from features.files import read_bars as read_bars
    from features.files import read_raw as read_raw
    from features.lake import Lake as Lake
    from features.scan import scan_sectors as scan_sectors
    from features.sector_of import with_sectors as with_sectors
    from features.simulated import SimulatedMarket as SimulatedMarket
    from features.summary import BarsSummary as BarsSummary
    from features.summary import summarise as summarise
    from features.table import AlignedTable as AlignedTable
    from features.table import aligned_table as aligned_table
    from features.universe import Universe as Universe

_HOME_OF = {
    "BAR_COLUMNS": "features.bars",
    "check_bars": "features.bars",
    "interval_of": "features.bars",
    "list_defects": "features.bars",
    "split_bad": "features.bars",
    "read_bars": "features.files",
    "read_raw": "features.files",
    "Lake": "features.lake",
    "SimulatedMarket": "features.simulated",
    "AlignedTable": "features.table",
    "aligned_table": "features.table",
    "scan_sectors": "features.scan",
    "with_sectors": "features.sector_of",
    "Universe": "features.universe",
    "BarsSummary": "features.summary",
    "summarise": "features.summary",
    "compute_features": "features.compute",
    "feature_fingerprint": "features.catalog",
    "feature_names": "features.catalog",
    "warmup_bars": "features.catalog",
}
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    """Import the module that holds a public name when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'features' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
