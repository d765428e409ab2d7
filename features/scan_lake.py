"""Scans over the lake's daily bars, kept by the fingerprint of what they read."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from cluster.files import canonical_json, sha256_of, write_atomic
from features.lake import Lake
from features.scan import PICK_SCHEMA, Scan, ScanRules, scan_sectors
from features.universe import Universe

SCAN_VERSION = 1  # raise it when the same bars give other picks


@dataclass(frozen=True)
class LakeScans:
    """Scans of one lake and universe.

    Args:
        lake: Its daily bars are read.
        universe: Members and sectors.
        folder: Where results are kept (`PLOUTOS_HOME/tables/scan`).
        source: Which bars; None: of each symbol those of the source that has most of them.
    """

    lake: Lake
    universe: Universe
    folder: Path
    source: str | None = None

    def scan(self, as_of: date, rules: ScanRules | None = None) -> Scan:
        """`scan_sectors` of that day, read from the folder when the same was done before.

        Raises:
            DataError: the lake has no daily bars, or nobody is eligible.
        """
        rules = rules or ScanRules()
        path = self.folder / f"{self._key(as_of, rules)}.json"
        if path.exists():
            return _read(path)
        scan = scan_sectors(self.bars(), self.universe, as_of, rules)
        write_atomic(path, canonical_json(_document(scan)))
        return scan

    def bars(self, symbols: Iterable[str] | None = None) -> pl.LazyFrame:
        """Daily bars, one series a symbol.

        Raises:
            DataError: the lake has none.
        """
        bars = self.lake.scan("1d", source=self.source, symbols=symbols)
        if self.source is not None or len(self._sources()) == 1:
            return bars.drop("source")
        most = (
            bars.group_by("symbol", "series")
            .len()
            .sort("symbol", "len", "series", descending=[False, True, False])
            .unique("symbol", keep="first", maintain_order=True)
        )
        return bars.join(most, on=["symbol", "series"], how="semi").drop("source")

    def _sources(self) -> set[str]:
        return {path.parent.name for path in self._files()}

    def _files(self) -> list[Path]:
        return sorted((self.lake.root / "1d").glob(f"{self.source or '*'}/*.parquet"))

    def _key(self, as_of: date, rules: ScanRules) -> str:
        files = [[str(p.relative_to(self.lake.root)), sha256_of(p)] for p in self._files()]
        content = [
            SCAN_VERSION,
            files,
            self.universe.fingerprint,
            as_of.isoformat(),
            rules.to_dict(),
        ]
        return sha256(canonical_json(content)).hexdigest()


def _document(scan: Scan) -> dict[str, Any]:
    return {
        "as_of": scan.as_of.isoformat(),
        "picks": scan.picks.to_dict(as_series=False),
        "members": scan.members,
        "with_bars": scan.with_bars,
        "eligible": scan.eligible,
    }


def _read(path: Path) -> Scan:
    document = json.loads(path.read_bytes())
    picks = pl.DataFrame(document["picks"], schema_overrides=PICK_SCHEMA).select(*PICK_SCHEMA)
    return Scan(
        date.fromisoformat(document["as_of"]),
        picks,
        document["members"],
        document["with_bars"],
        document["eligible"],
    )
