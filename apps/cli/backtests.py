"""Backtests of this home: what a command line asks for, and the results that were kept."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.cli.output import plain
from apps.cli.readers import find_bundle
from cluster.errors import UsageError
from cluster.files import newest_first, write_atomic
from cluster.settings import Home

if TYPE_CHECKING:
    from envs import Market
    from train.backtest.episodes import Episodes
    from train.bundle.bundle import PolicyBundle
    from train.bundle.manifest import Manifest

FOLDER = "backtests"  # in the home's reports


def load_model(home: Home, name: str | None) -> "PolicyBundle":
    """A checked bundle by id, stage or folder; by default the newest."""
    from train.bundle.bundle import PolicyBundle

    return PolicyBundle.load(find_bundle(home, name))


def market_for(home: Home, manifest: "Manifest", bars: Path | None) -> "Market":
    """The bars of a file, else those that the bundle was made on."""
    from train.bundle.windows import bundle_market, market_of_bars

    if bars is None:
        return bundle_market(home, manifest)
    from features.formats.read import read_bars

    return market_of_bars(home, read_bars(bars), manifest)


def document_of(found: "Episodes") -> dict[str, Any]:
    """The result as plain values."""
    return {
        "bundle": found.bundle,
        "days": found.days,
        "episodes": len(found.rows),
        "profitable": found.profitable,
        "ahead_of_equal_weight": found.ahead,
        "median_return": found.median_return,
        "median_sharpe": found.median_sharpe,
        "worst_drawdown": found.worst_drawdown,
        "overlap": found.overlap,
        "rows": [vars(row) for row in found.rows],
    }


def keep(home: Home, document: dict[str, Any]) -> Path:
    """Write a result down under the next free name; returns its file."""
    now = datetime.now(UTC)
    folder = home.reports / FOLDER
    stem, number = f"{document['bundle'][:8]}-{now:%Y%m%d-%H%M%S}", 0
    path = folder / f"{stem}.json"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.json"
    content = plain({"at": now, **document})
    write_atomic(path, json.dumps(content, indent=1, allow_nan=False).encode())
    return path


def kept(home: Home) -> list[Path]:
    """The results of this home, newest first."""
    found = (home.reports / FOLDER).glob("*.json")
    return newest_first(found, lambda path: str(json.loads(path.read_bytes())["at"]))


def read_kept(home: Home, name: str | None) -> dict[str, Any]:
    """One result by its name; by default the newest.

    Raises:
        UsageError: there is none.
    """
    found = [path for path in kept(home) if name in (None, path.stem)]
    if not found:
        wanted = f"no backtest {name}" if name else "no backtest yet"
        raise UsageError(wanted, f"in {home.reports / FOLDER}", "ploutos backtest run")
    document: dict[str, Any] = json.loads(found[0].read_bytes())
    return {"backtest": found[0].stem, **document}
