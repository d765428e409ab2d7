"""Bars, the lake, the simulated market, sessions and feature columns."""

from importlib import import_module
from typing import Any

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
