"""What only a whole file shows: bars of several intervals, and times of another zone."""

from collections import Counter

import numpy as np
import polars as pl

from cluster.errors import DataError
from features.bars.checks import interval_of
from features.bars.grid import naive_utc
from features.bars.sessions import FIRST_DATE, OUTSIDE, session_index

_MIN_BARS = 5  # of a symbol before its interval is judged
_ZONES = range(-12, 15)  # hours that a clock may be off
_IN_SESSION = 0.6  # share of the volume that a right clock has within sessions, at least
_CLEARLY = 0.9  # share of it that the mended clock must have
_WEEKEND = 0.1  # share of daily bars on weekends, at most
_ADVICE = "write the times as UTC, or with their offset"


def mixed_intervals(bars: pl.DataFrame) -> pl.DataFrame:
    """Symbols whose usual spacing is not that of the file: `symbol`, `interval`, `expected`.

    Args:
        bars: `BAR_SCHEMA`, sorted by (symbol, ts).
    """
    usual = (
        bars.select("symbol", step=pl.col("ts").diff().over("symbol"))
        .drop_nulls()
        .group_by("symbol", "step")
        .len()
        .sort("symbol", "len", "step", descending=[False, True, False])
        .group_by("symbol", maintain_order=True)
        .agg(pl.col("step").first(), bars=pl.col("len").sum() + 1)
        .filter(pl.col("bars") >= _MIN_BARS)
    )
    names = [_name(bars, step) for step in usual["step"]]
    named = usual.select("symbol", "bars", interval=pl.Series(names, dtype=pl.String))
    if named["interval"].n_unique() < 2:
        return named.select("symbol", "interval", expected="interval").clear()
    weights = Counter[str]()
    for name, count in zip(names, usual["bars"], strict=True):
        weights[name] += count
    expected = weights.most_common(1)[0][0]
    odd = named.filter(pl.col("interval") != expected)
    return odd.select("symbol", "interval", expected=pl.lit(expected))


def _name(bars: pl.DataFrame, step: object) -> str:
    pair = pl.Series("ts", [bars["ts"][0], bars["ts"][0] + step])
    return interval_of(pl.DataFrame({"symbol": ["A", "A"], "ts": pair}))


def wrong_zone(bars: pl.DataFrame, interval: str) -> str:
    """What is wrong with the clock of the bars, "" when nothing is.

    Intraday: most of the volume is traded outside the sessions, and nearly all of it would be
    inside were the clock shifted by some hours. Daily: there are bars on weekends, and none on
    Fridays or Mondays, as from a midnight of Asia or of the day after.
    """
    ts = naive_utc(bars["ts"])
    known = ts >= np.datetime64(FIRST_DATE)
    ts = ts[known]
    if not len(ts):
        return ""
    if interval == "1d":
        return _wrong_days(ts)
    if interval[-1] not in "mh":
        return ""
    weight = bars["volume"].to_numpy()[known] + 1.0
    shares = {hours: _within(ts, weight, hours) for hours in _ZONES}
    best = max(shares, key=lambda hours: (shares[hours], -abs(hours)))
    if shares[0] >= _IN_SESSION or shares[best] < _CLEARLY:
        return ""
    return (
        f"{shares[0]:.0%} of the volume is within sessions, and {shares[best]:.0%} with times "
        f"{best:+d} hours"
    )


def _wrong_days(ts: np.ndarray) -> str:
    weekday = (ts.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 0 is Monday
    share = np.bincount(weekday, minlength=7) / len(ts)
    weekend = share[5] + share[6]
    if weekend <= _WEEKEND or (share[0] > 0 and share[4] > 0):
        return ""
    absent = "Friday" if share[4] == 0 else "Monday"
    return f"{weekend:.0%} of the days are on weekends and none is a {absent}"


def _within(ts: np.ndarray, weight: np.ndarray, hours: int) -> float:
    moved = (ts + np.timedelta64(hours, "h")).astype("datetime64[us]")
    inside = session_index(moved, daily=False) != OUTSIDE
    return float(weight[inside].sum() / weight.sum())


def refuse_mixture(bars: pl.DataFrame, *, origin: str, next_command: str = "") -> None:
    """Refuse a file that mixes intervals, or whose times are of another zone.

    Args:
        bars: `BAR_SCHEMA`, sorted by (symbol, ts).
        origin: Where they come from, for the message.
        next_command: What the message tells the user to run.

    Raises:
        DataError: says which.
    """
    odd = mixed_intervals(bars)
    if odd.height:
        first = odd.row(0, named=True)
        why = f"{first['symbol']} has bars of {first['interval']}, most have {first['expected']}"
        raise DataError(f"{origin} mixes intervals", why, next_command or "split the file")
    if bars["ts"].n_unique() < _MIN_BARS:
        return
    fault = wrong_zone(bars, interval_of(bars))
    if fault:
        raise DataError(f"{origin} has times of another zone", fault, _ADVICE)
