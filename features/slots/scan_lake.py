"""Scans over the lake's daily bars, kept by the fingerprint of what they read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import polars as pl

from cluster.files import canonical_json
from features.lake.lake import Lake
from features.slots.scan import Scan, ScanRules, scan_sectors
from features.slots.scan_cache import SCAN_VERSION, kept_scan
from features.universe.universe import Universe


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
        return kept_scan(path, lambda: scan_sectors(self.bars(), self.universe, as_of, rules))

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
        return {block.parent.name for block in self.lake.blocks("1d")}

    def _key(self, as_of: date, rules: ScanRules) -> str:
        content = [
            SCAN_VERSION,
            self.lake.fingerprint("1d", self.source),
            self.universe.fingerprint,
            as_of.isoformat(),
            rules.to_dict(),
        ]
        return sha256(canonical_json(content)).hexdigest()
