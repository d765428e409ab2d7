"""Survivorship bias of the scan: what today's list would pretend to have earned."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cluster.errors import DataError
from features.bars.sessions import SESSIONS_A_YEAR
from features.slots.scan import Scan, ScanRules, scan_sectors
from features.slots.scan_dates import Rescan, bars_between, rescans, sessions_until
from features.universe.universe import Universe

Returns = NDArray[np.float64]  # (D,) one a session


@dataclass(frozen=True)
class Horizon:
    """Both scans held for one month, or one quarter, after each scan.

    Attributes:
        months: How long the picks are held.
        scans: How many scans.
        sessions: D, sessions held.
        sharpe_then: Annualised Sharpe ratio of the picks among the members of the day.
        sharpe_today: Of the picks among today's list.
        bias: `sharpe_today - sharpe_then`, in Sharpe points.
        t: Mean daily difference of the two over its standard error.
        trailing_then: Mean Sharpe ratio that the scans saw before they picked.
        trailing_today: The same over today's list.
        other_picks: Share of today's picks that the scan of the day has not.
        not_yet: Share of today's picks that were not in the index then.
        coverage: Share of the members of the day that have bars at all.
    """

    months: int
    scans: int
    sessions: int
    sharpe_then: float
    sharpe_today: float
    bias: float
    t: float
    trailing_then: float
    trailing_today: float
    other_picks: float
    not_yet: float
    coverage: float


def bias_report(
    bars: pl.DataFrame,
    universe: Universe,
    start: date,
    end: date,
    rules: ScanRules | None = None,
    *,
    today: date | None = None,
) -> tuple[Horizon, ...]:
    """Compare the scan over the members of the day with the scan over today's list.

    Each scan's picks are held in equal weights, rebalanced daily and without costs, from the
    session after it to the next scan. A pick whose bars end is held as cash from there on: what it
    lost on the way out is missing, so that the bias is rather larger than what is found here.

    Args:
        bars: Daily bars with symbol, ts, close and volume.
        universe: Members of every day, and their sectors.
        start: First day held.
        end: Last day held.
        rules: Of the scans.
        today: The day of today's list; `end` when None.

    Returns:
        The horizons of 1 and of 3 months.

    Raises:
        DataError: no session between the days, or a day on which nobody is eligible.
    """
    study = _Study.of(bars, universe, universe.members(today or end), rules or ScanRules())
    return tuple(study.horizon(start, end, months) for months in (1, 3))


@dataclass(frozen=True)
class _Study:
    bars: pl.DataFrame  # symbol, ts, close, volume and the return r, sorted by (ts, symbol)
    universe: Universe
    listed: tuple[str, ...]
    rules: ScanRules

    @classmethod
    def of(
        cls, bars: pl.DataFrame, universe: Universe, listed: tuple[str, ...], rules: ScanRules
    ) -> "_Study":
        bars = bars.select("symbol", "ts", "close", "volume").sort("symbol", "ts")
        r = (pl.col("close") / pl.col("close").shift(1) - 1.0).over("symbol")
        return cls(bars.with_columns(r=r).sort("ts", "symbol"), universe, listed, rules)

    def horizon(self, start: date, end: date, months: int) -> Horizon:
        periods = rescans(start, end, months=months)
        if not periods:
            raise DataError(f"no session from {start} to {end}", "nothing is held", "move --to")
        then = [self._scan(p.as_of, self.universe.members(p.as_of)) for p in periods]
        today = [self._scan(p.as_of, self.listed) for p in periods]
        of_then, of_today = self._held(then, periods), self._held(today, periods)
        sharpe_then, sharpe_today = (_sharpe(r, self.rules) for r in (of_then, of_today))
        others = [set(b.symbols) - set(a.symbols) for a, b in zip(then, today, strict=True)]
        not_yet = [set(b.symbols) - set(self.universe.members(b.as_of)) for b in today]
        picks = sum(len(scan.symbols) for scan in today)
        return Horizon(
            months=months,
            scans=len(periods),
            sessions=len(of_then),
            sharpe_then=sharpe_then,
            sharpe_today=sharpe_today,
            bias=sharpe_today - sharpe_then,
            t=_t(of_today - of_then),
            trailing_then=_trailing(then),
            trailing_today=_trailing(today),
            other_picks=sum(map(len, others)) / picks,
            not_yet=sum(map(len, not_yet)) / picks,
            coverage=sum(s.with_bars for s in then) / sum(s.members for s in then),
        )

    def _scan(self, as_of: date, members: Iterable[str]) -> Scan:
        first = sessions_until(as_of, self.rules.lookback + 1)[0]
        window = bars_between(self.bars, first, as_of)
        return scan_sectors(window, self.universe, as_of, self.rules, members=members)

    def _held(self, scans: list[Scan], periods: tuple[Rescan, ...]) -> Returns:
        """Daily returns (D,) of the picks of each scan in equal weights over its sessions."""
        parts = []
        for scan, period in zip(scans, periods, strict=True):
            days = bars_between(self.bars, period.first, period.last)
            picked = pl.col("r").filter(pl.col("symbol").is_in(scan.symbols))
            daily = days.group_by("ts").agg(picked.sum()).sort("ts")
            parts.append(daily["r"].to_numpy() / len(scan.symbols))
        return np.concatenate(parts)


def _sharpe(returns: Returns, rules: ScanRules) -> float:
    excess = returns - rules.risk_free_rate / SESSIONS_A_YEAR
    return float(sqrt(SESSIONS_A_YEAR) * excess.mean() / excess.std(ddof=1))


def _t(differences: Returns) -> float:
    deviation = float(differences.std(ddof=1))
    return float(differences.mean() / deviation * sqrt(len(differences))) if deviation else 0.0


def _trailing(scans: list[Scan]) -> float:
    return float(np.mean(np.concatenate([scan.picks["sharpe"].to_numpy() for scan in scans])))
