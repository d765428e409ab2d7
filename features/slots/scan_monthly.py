"""A scan for every calendar month over bars in memory, kept by the fingerprint of what it reads."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from cluster.files import canonical_json
from features.bars.checks import Bars, CheckedBars, check_bars
from features.bars.sessions import session_dates
from features.compute.table import session_bars
from features.slots.plan import SlotPlan, plan_slots
from features.slots.scan import NobodyEligibleError, Scan, ScanRules, scan_sectors
from features.slots.scan_cache import SCAN_VERSION, kept_scan
from features.slots.scan_dates import bars_between, rescans, sessions_until
from features.universe.universe import Universe


@dataclass(frozen=True, eq=False)
class MonthlyScans:
    """Scans of daily bars.

    A scan is kept under a hash of the bars it reads, those of its members up to its day, of the
    members and their sectors: what comes later changes neither the answer nor the name of its file.

    Attributes:
        bars: symbol, ts (midnight UTC), close, volume; sorted by (ts, symbol).
        universe: Members and sectors of every day.
        folder: Where results are kept (`PLOUTOS_HOME/tables/scan`).
    """

    bars: pl.DataFrame
    universe: Universe
    folder: Path

    @classmethod
    def of(cls, bars: Bars, universe: Universe, folder: Path) -> "MonthlyScans":
        """Scans of hourly or daily bars, of which only those inside sessions count."""
        return cls(daily_closes(check_bars(bars, origin="bars")), universe, folder)

    def scan(self, as_of: date, rules: ScanRules) -> Scan:
        """`scan_sectors` of that day.

        Raises:
            NobodyEligibleError: see `scan_sectors`.
        """
        members = self.universe.members(as_of)
        first = sessions_until(as_of, rules.lookback + 1)[0]
        window = bars_between(self.bars, first, as_of).filter(pl.col("symbol").is_in(members))
        sectors = sorted(self.universe.sectors_on(as_of, members).items())
        content = [SCAN_VERSION, as_of.isoformat(), rules.to_dict(), members, sectors]
        digest = sha256(canonical_json(content))
        digest.update("\n".join(window["symbol"]).encode())
        for name in ("ts", "close", "volume"):
            digest.update(window[name].to_physical().to_numpy().tobytes())
        path = self.folder / f"{digest.hexdigest()}.json"
        return kept_scan(path, lambda: scan_sectors(window, self.universe, as_of, rules))

    def plan(self, start: date, end: date, rules: ScanRules) -> SlotPlan:
        """The slots of every month from `start` to `end`, each as of the session before it.

        Where nobody is eligible, all slots of that month are empty.

        Raises:
            DataError: nobody is eligible in any of the months, or there is no session.
        """
        periods = rescans(start, end)
        months = [(period.first, self._picks(period.as_of, rules)) for period in periods]
        if all(picks.is_empty() for _, picks in months):
            raise DataError(
                f"nobody is eligible from {start} to {end}",
                f"a stock needs bars in {rules.min_history:.0%} of {rules.lookback + 1} sessions, "
                f"and the bars begin on {self.bars['ts'].dt.date().min()!s}",
                "give earlier bars, or lower sector_scan.lookback_days",
            )
        return plan_slots(months, rules.per_sector)

    def _picks(self, as_of: date, rules: ScanRules) -> pl.DataFrame:
        try:
            return self.scan(as_of, rules).picks
        except NobodyEligibleError:
            return pl.DataFrame(schema={"sector": pl.String, "rank": pl.Int64, "symbol": pl.String})


def daily_closes(bars: CheckedBars) -> pl.DataFrame:
    """One row a symbol and session, sorted by (ts, symbol): its last close and its whole volume.

    Raises:
        DataError: no bar lies inside a session.
    """
    daily = inside = session_bars(bars)
    if bars.interval != "1d":
        dates = pl.Series(session_dates(inside["session"].to_numpy()))
        midnight = dates.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        daily = (
            inside.with_columns(day=midnight)
            .sort("symbol", "ts")
            .group_by("symbol", "day", maintain_order=True)
            .agg(pl.col("close").last(), pl.col("volume").sum())
            .rename({"day": "ts"})
        )
    return daily.select("symbol", "ts", "close", "volume").sort("ts", "symbol")
