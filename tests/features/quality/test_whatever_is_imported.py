"""Whatever an import accepts can be checked, repaired, put on a clock, probed and scanned."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from envs.from_lake import LakeMarkets
from features import Lake, read_bars, warmup_bars
from features.bars.schema import BAR_COLUMNS
from features.bars.sessions import session_dates, session_times, sessions_from
from features.compute.probes import probe_features
from features.formats.read import read_table
from features.quality import check_quality
from features.quality.quarantine import Quarantine
from features.quality.repair import check_lake, plan_repair, repair
from features.slots.scan import ScanRules
from features.slots.scan_lake import LakeScans
from features.universe.universe import Universe

NOW = datetime(2026, 1, 2, tzinfo=UTC)
NAMES = ("AAPL", "BRK.B", "bf/b", "SPY", "BTC/USD", "7203.T")
MINUTES = {"5m": 5, "1h": 60}


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, pl.DataFrame]:
    """An interval, and bars of some symbols: late, early-ending, gapped, untraded; half days in."""
    interval = draw(st.sampled_from(["1d", "1h", "5m"]))
    sessions = draw(
        st.sampled_from({"1d": [3, 40, 420], "1h": [2, 30, 70], "5m": [2, 9]}[interval])
    )
    start = draw(st.sampled_from([date(1990, 1, 2), date(2018, 11, 19), date(2024, 2, 20)]))
    clock = times(interval, start, sessions)
    symbols = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    seed = draw(st.integers(0, 2**16))
    random = np.random.default_rng(seed)
    frames = []
    for symbol in symbols:
        first = draw(st.sampled_from([0, 0, 1, len(clock) // 2]))
        last = draw(st.sampled_from([len(clock), len(clock), len(clock) - 1, 2 * len(clock) // 3]))
        ts = clock[first : max(last, first + 2)]
        holes = random.random(len(ts)) < draw(st.sampled_from([0.0, 0.0, 0.03, 0.4]))
        ts = ts[~holes] if (~holes).sum() > 1 else ts
        idle = draw(st.sampled_from([0.0, 0.0, 0.2, 1.0]))
        frames.append(walk(symbol, ts, random, idle))
    return interval, pl.concat(frames)


def times(interval: str, start: date, count: int) -> np.ndarray:
    """Opening times of the bars of some sessions, half days with fewer."""
    numbers = sessions_from(start, count)
    if interval == "1d":
        return session_dates(numbers).astype("datetime64[us]")
    step = np.timedelta64(MINUTES[interval], "m")
    opens, closes = session_times(numbers)
    days = [np.arange(o, c, step) for o, c in zip(opens, closes, strict=True)]
    return np.concatenate(days).astype("datetime64[us]")


def walk(symbol: str, ts: np.ndarray, random: np.random.Generator, idle: float) -> pl.DataFrame:
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, len(ts))))
    open_ = close * np.exp(random.normal(0, 0.003, len(ts)))
    volume = np.where(random.random(len(ts)) < idle, 0.0, random.integers(1, 10**6, len(ts)))
    frame = pl.DataFrame(
        {
            "symbol": symbol,
            "ts": ts,
            "open": open_,
            "high": np.maximum(open_, close) * 1.001,
            "low": np.minimum(open_, close) * 0.999,
            "close": close,
            "volume": volume,
        }
    )
    return frame.with_columns(pl.col("ts").dt.replace_time_zone("UTC"))


def or_refused(call: Callable[[], Any]) -> Any:
    """The result, or None where it is refused with what, why and a next step."""
    try:
        return call()
    except DataError as refusal:
        refused = refusal
    assert all((refused.what, refused.why, refused.next_command))
    return None


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
def test_whatever_is_imported_can_be_used(tmp_path_factory, drawn):
    interval, bars = drawn
    folder: Path = tmp_path_factory.mktemp("run [1]*")
    path = folder / "bars [2]*.csv"
    bars.write_csv(path)
    lake = Lake(folder / "lake")
    read = or_refused(lambda: read_bars(path, now=NOW))
    assume(read is not None)
    lake.write(read, interval=interval, source="file")

    ((found, _, report),) = check_lake(lake, now=NOW)
    assert (found, report.rows, report.broken.height) == (interval, bars.height, 0)
    of_file = check_quality(read_table(path), origin="file", now=NOW)
    assert (of_file.verdict, of_file.interval) == (report.verdict, interval)
    columns = ("symbol", "verdict", "findings")
    assert of_file.symbols.select(columns).equals(report.symbols.select(columns))
    assert set(report.symbols["symbol"]) == set(lake.status(by_symbol=True)["symbol"])

    plans = plan_repair(lake, now=NOW)
    wrong = sum(plan.wrong.height for plan in plans)
    assert repair(lake, Quarantine(folder / "q"), plans, now=NOW) == wrong
    left = lake.scan(interval).collect()
    assert left.height == bars.height - wrong

    longest = left.group_by("symbol").len()["len"].max()
    market = or_refused(lambda: LakeMarkets(lake, folder / "tables").market(interval))
    assert (market is not None) == (longest > warmup_bars("v6"))
    probed = or_refused(lambda: probe_features(left.select(BAR_COLUMNS), cuts=1))
    assert probed is None or probed.violations == ()
    if interval == "1d":
        names = left["symbol"].unique().sort().to_list()
        universe = Universe.of_all(dict.fromkeys(names, "Energy"), "these")
        scans = LakeScans(lake, universe, folder / "scans")
        last = left["ts"].max().date()
        scan = or_refused(lambda: scans.scan(last, ScanRules(lookback=20, min_dollar_volume=0.0)))
        assert scan is None or set(scan.symbols) <= set(names)
