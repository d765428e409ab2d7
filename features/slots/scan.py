"""The sector scan: the best stocks of each sector by trailing Sharpe ratio, as of a day."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any

import polars as pl

from cluster.errors import ConfigError, DataError
from features.bars.sessions import SESSIONS_A_YEAR, midnight
from features.slots.scan_dates import sessions_until
from features.universe.universe import Universe

RECENT_SESSIONS = 5  # a stock without a bar in these no longer trades
PICK_SCHEMA = {
    "sector": pl.String(),
    "rank": pl.Int64(),  # from 1
    "symbol": pl.String(),
    "sharpe": pl.Float64(),  # annualised
    "dollar_volume": pl.Float64(),  # median a session, USD
    "sessions": pl.UInt32(),  # with a bar
}
_DIGITS = 12  # of a Sharpe ratio: what differs less is a tie


class NobodyEligibleError(DataError):
    """No stock is old and liquid enough on that day."""


@dataclass(frozen=True)
class ScanRules:
    """What makes a stock eligible, and how many are picked.

    Args:
        per_sector: How many of each sector.
        lookback: Sessions of returns.
        risk_free_rate: A year; each session has its 252nd part.
        min_history: Share of the sessions that must have a bar.
        min_dollar_volume: Least median of close x volume a session, USD. (With adjusted closes it
            is not the money that changed hands then.)

    Raises:
        ConfigError: a value that no scan can have.
    """

    per_sector: int = 2
    lookback: int = 252
    risk_free_rate: float = 0.04
    min_history: float = 0.95
    min_dollar_volume: float = 5e6

    def __post_init__(self) -> None:
        limits = {
            "per_sector": (1, 100),
            "lookback": (20, 5000),
            "risk_free_rate": (-0.5, 1.0),
            "min_history": (0.1, 1.0),
            "min_dollar_volume": (0.0, 1e15),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                why = f"it must be from {low:g} to {high:g}"
                raise ConfigError(f"scan: {name} {getattr(self, name)!r}", why, f"correct {name}")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan found.

    Attributes:
        as_of: The last day it knows.
        picks: `PICK_SCHEMA`, sorted by sector and rank.
        members: How many stocks were asked for.
        without_bars: Those of them that have no bar in the window, sorted.
        eligible: How many of those are old and liquid enough and have a sector.
    """

    as_of: date
    picks: pl.DataFrame
    members: int
    without_bars: tuple[str, ...]
    eligible: int

    @property
    def with_bars(self) -> int:
        """How many have a bar in the window."""
        return self.members - len(self.without_bars)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The picks by sector and rank."""
        return tuple(self.picks["symbol"])


def scan_sectors(
    bars: pl.DataFrame | pl.LazyFrame,
    universe: Universe,
    as_of: date,
    rules: ScanRules | None = None,
    *,
    members: Iterable[str] | None = None,
) -> Scan:
    """Pick the best of each sector by annualised Sharpe ratio of daily returns.

    Sharpe = sqrt(252) (mean - risk_free_rate / 252) / sample deviation of the close-to-close
    returns of the last `lookback` sessions (Sharpe 1994). Of equals, the name that sorts first
    wins. Bars after `as_of` are not read.

    Args:
        bars: Daily bars with symbol, ts, close and volume, one a symbol and day, in any order.
        universe: Gives the members of that day and their sectors.
        as_of: Last day that counts.
        rules: Eligibility and number; the defaults when None.
        members: Who is asked for, in place of the members of that day.

    Raises:
        NobodyEligibleError: nobody is eligible.
    """
    rules = rules or ScanRules()
    chosen = sorted(universe.members(as_of) if members is None else members)
    days = sessions_until(as_of, rules.lookback + 1)
    stats = _statistics(_window(bars, chosen, days[0], as_of), rules)
    sectors = universe.sectors_on(as_of, stats["symbol"])
    least = rules.min_history * (rules.lookback + 1)
    eligible = stats.with_columns(
        sector=pl.col("symbol").replace_strict(sectors, default=None, return_dtype=pl.String)
    ).filter(
        pl.col("sessions") >= least,
        pl.col("last") >= midnight(days[-RECENT_SESSIONS]),
        pl.col("dollar_volume") >= rules.min_dollar_volume,
        pl.col("sharpe").is_finite(),
        pl.col("sector").is_not_null(),
    )
    if eligible.is_empty():
        raise _nobody(as_of, len(chosen), stats, days)
    without = tuple(sorted(set(chosen) - set(stats["symbol"])))
    return Scan(as_of, _best(eligible, rules), len(chosen), without, eligible.height)


def _window(
    bars: pl.DataFrame | pl.LazyFrame, symbols: list[str], first: date, as_of: date
) -> pl.LazyFrame:
    ts = pl.col("ts")
    return (
        bars.lazy()
        .filter(ts >= midnight(first), ts < midnight(as_of + timedelta(days=1)))
        .filter(pl.col("symbol").is_in(symbols))
        .select("symbol", "ts", "close", "volume")
    )


def _statistics(window: pl.LazyFrame, rules: ScanRules) -> pl.DataFrame:
    """One row a symbol: `sessions`, `last`, `dollar_volume` and `sharpe`."""
    returns = (pl.col("close") / pl.col("close").shift(1) - 1.0).drop_nulls()
    excess = returns.mean() - rules.risk_free_rate / SESSIONS_A_YEAR
    return (
        window.sort("symbol", "ts")
        .group_by("symbol", maintain_order=True)
        .agg(
            sessions=pl.len(),
            last=pl.col("ts").last(),
            dollar_volume=(pl.col("close") * pl.col("volume")).median(),
            sharpe=(sqrt(SESSIONS_A_YEAR) * excess / returns.std()).round_sig_figs(_DIGITS),
        )
        .collect()
    )


def _best(eligible: pl.DataFrame, rules: ScanRules) -> pl.DataFrame:
    ranked = eligible.sort("sector", "sharpe", "symbol", descending=[False, True, False])
    return (
        ranked.with_columns(rank=pl.int_range(1, pl.len() + 1).over("sector"))
        .filter(pl.col("rank") <= rules.per_sector)
        .select(*PICK_SCHEMA)
    )


def _nobody(
    as_of: date, members: int, stats: pl.DataFrame, days: list[date]
) -> NobodyEligibleError:
    if stats.is_empty():
        why = f"none of {members} members has a daily bar from {days[0]} to {as_of}"
    else:
        most = int(stats["sessions"].to_numpy().max())
        why = (
            f"of {members} members the longest has {most} of {len(days)} sessions from {days[0]} on"
        )
    return NobodyEligibleError(f"nobody is eligible on {as_of}", why, "ploutos data status")
