"""What only a whole file shows: bars of several intervals, and times of another zone."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.bars.grid import naive_utc
from features.bars.intervals import INTERVALS, intervals_of_symbols
from features.bars.sessions import FIRST_DATE, OUTSIDE, last_date, midnight, session_index

_MIN_BARS = 5  # of a symbol before its interval is judged, and times before a clock is
_BETTER, _A_DAY, _MOST = 0.1, 0.6, 0.6  # share of trading that another clock has to win: at least,
# for one day more, and at most; right windows of 1, 5, 20 and 125 days of real hourly bars of 20
# symbols win at most 0.36, 0.21, 0.09 and 0.05, those of New York at least 0.20, 0.21, 0.20, 0.24
_NEAR = timedelta(days=2)  # no clock is further off
_WEEKEND = 0.1  # share of daily bars on weekends, at most
_ZONES = (  # where people who write times down live; each with its own changes of the clock
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    *("America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Europe/Helsinki", "Europe/Moscow"),
    *("Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo"),
    "Australia/Sydney",
)


def mixed_intervals(bars: pl.DataFrame) -> pl.DataFrame:
    """Symbols whose interval is not that of the file: `symbol`, `interval`, `expected`.

    Args:
        bars: `BAR_SCHEMA`.
    """
    found = intervals_of_symbols(bars).filter(pl.col("bars") >= _MIN_BARS)
    weights = found.group_by("interval").agg(pl.col("bars").sum()).sort("bars", "interval")
    expected = pl.lit(weights["interval"].last(), dtype=pl.String)
    odd = found.filter(pl.col("interval") != expected).sort("symbol")
    return odd.select("symbol", "interval", expected=expected)


@dataclass(frozen=True)
class OtherZone:
    """A zone in which times make more sense than in UTC.

    Args:
        zone: IANA name.
        utc: Share of the trading that is within sessions, were the times UTC.
        local: That share, were they the clock times of `zone`.
    """

    zone: str
    utc: float
    local: float


def wrong_zone(bars: pl.DataFrame, interval: str) -> str:
    """What is wrong with the clock of the bars, "" when nothing is.

    Intraday: see `other_zone`. Daily: there are bars on weekends, and none on Fridays or Mondays,
    as from a midnight of Asia or of the day after.
    """
    ts = naive_utc(bars["ts"])
    ts = ts[ts >= np.datetime64(FIRST_DATE)]
    if interval == "1d" and len(ts):
        return _wrong_days(ts)
    found = other_zone(bars, interval)
    if found is None:
        return ""
    return (
        f"{found.utc:.0%} of the trading is within sessions, "
        f"and {found.local:.0%} were the times those of {found.zone}"
    )


def other_zone(bars: pl.DataFrame, interval: str) -> OtherZone | None:
    """The zone whose clock brings clearly more of the trading into sessions than UTC; None without.

    Trading is weighed by the root of its volume, so that no single auction decides, and a bar
    counts that overlaps a session. Only days on which the zone's clock differs from UTC are
    compared: what a zone has to win is `_BETTER`, and more where those days are few.

    Args:
        bars: `BAR_SCHEMA`.
        interval: Of the bars; only those shorter than a day have a clock.
    """
    length = INTERVALS.get(interval, INTERVALS["1d"])
    first, last = midnight(date.fromisoformat(FIRST_DATE)), midnight(last_date())
    known = pl.col("ts").is_between(first + _NEAR, last - _NEAR)
    clock = bars.filter(known).group_by(wall=pl.col("ts").dt.replace_time_zone(None))
    times = clock.agg(weight=((pl.col("volume") + 1) ** 0.5).sum()).sort("wall")
    if length >= INTERVALS["1d"] or times.height < _MIN_BARS:
        return None
    times = times.with_columns(utc=_trading(times["wall"], length))
    found = [_compare(times, zone, length) for zone in _ZONES]
    return max(filter(None, found), key=lambda zone: zone.local - zone.utc, default=None)


def _compare(times: pl.DataFrame, zone: str, length: timedelta) -> OtherZone | None:
    """The zone, where its clock is clearly better than UTC."""
    local = pl.col("wall").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    moved = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    rows = times.with_columns(moved=moved).filter(pl.col("moved") != pl.col("wall"))
    if rows.is_empty():
        return None
    weight = rows["weight"].to_numpy()
    days = rows["wall"].dt.date().n_unique()
    utc = float(weight[rows["utc"].to_numpy()].sum() / weight.sum())
    better = float(weight[_trading(rows["moved"], length)].sum() / weight.sum())
    needed = min(_BETTER + _A_DAY / days, _MOST)
    return OtherZone(zone, utc, better) if better >= utc + needed else None


def _trading(ts: pl.Series, length: timedelta) -> NDArray[np.bool_]:
    """(N,) whether bars that open at these UTC times overlap a session."""
    ends = (ts + (length - timedelta(microseconds=1))).to_numpy()
    begins, over = (session_index(each, daily=False) for each in (ts.to_numpy(), ends))
    inside: NDArray[np.bool_] = (begins != OUTSIDE) | (over != OUTSIDE)
    return inside


def _wrong_days(ts: np.ndarray) -> str:
    weekday = (ts.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 0 is Monday
    share = np.bincount(weekday, minlength=7) / len(ts)
    weekend = share[5] + share[6]
    if weekend <= _WEEKEND or (share[0] > 0 and share[4] > 0):
        return ""
    absent = "Friday" if share[4] == 0 else "Monday"
    return f"{weekend:.0%} of the days are on weekends and none is a {absent}"
