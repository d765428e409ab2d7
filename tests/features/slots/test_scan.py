"""The sector scan: its formula, who is eligible, ties, and that it knows nothing of the future."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError, DataError
from features import Lake, SimulatedMarket
from features.slots.scan import Scan, ScanRules, scan_sectors
from features.slots.scan_dates import Rescan, rescans, sessions_until
from features.slots.scan_lake import LakeScans
from features.universe.sectors import GICS_SECTORS
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe

MARKET = SimulatedMarket(symbols=44, sessions=160, interval="1d", seed=5)
RULES = ScanRules(lookback=60, min_dollar_volume=0.0)
AS_OF = date(2016, 6, 1)


def universe_of(sectors: dict[str, str], start: date = date(2010, 1, 4)) -> Universe:
    spells = [(symbol, start, None, symbol) for symbol in sectors]
    companies = [(symbol, symbol, sector, None, None) for symbol, sector in sectors.items()]
    return Universe(
        pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row"),
        pl.DataFrame(companies, schema=SECTOR_SCHEMA, orient="row"),
        "test",
        datetime(2026, 1, 1, tzinfo=UTC),
    )


UNIVERSE = universe_of(MARKET.sectors())


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return MARKET.bars()


@pytest.fixture(scope="module")
def scan(bars: pl.DataFrame) -> Scan:
    return scan_sectors(bars, UNIVERSE, AS_OF, RULES)


def test_two_of_each_of_the_11_sectors_best_first(scan: Scan) -> None:
    assert scan.picks.group_by("sector").len()["len"].to_list() == [2] * 11
    assert tuple(scan.picks["sector"].unique().sort()) == GICS_SECTORS
    best, second = scan.picks.filter(rank=1)["sharpe"], scan.picks.filter(rank=2)["sharpe"]
    assert (best >= second).all()
    assert (scan.members, scan.with_bars, scan.eligible) == (44, 44, 44)


def test_the_sharpe_ratio_is_the_independent_formula(bars: pl.DataFrame) -> None:
    rules = ScanRules(per_sector=4, lookback=60, risk_free_rate=0.03, min_dollar_volume=0.0)
    scan = scan_sectors(bars, UNIVERSE, AS_OF, rules)

    for symbol, sharpe in scan.picks.select("symbol", "sharpe").iter_rows():
        known = bars.filter(pl.col("symbol") == symbol, pl.col("ts").dt.date() <= AS_OF)
        close = known["close"].to_numpy()[-61:]
        excess = close[1:] / close[:-1] - 1 - 0.03 / 252
        assert sharpe == pytest.approx(excess.mean() / excess.std(ddof=1) * 252**0.5, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["cut", "scrambled", "index"]))
def test_nothing_after_the_day_changes_the_answer(seed: int, what: str) -> None:
    bars = MARKET.bars()
    expected = scan_sectors(bars, UNIVERSE, AS_OF, RULES)
    rng = np.random.default_rng(seed)
    past, future = (bars.filter(pl.col("ts").dt.date() <= AS_OF), pl.col("ts").dt.date() > AS_OF)
    universe = UNIVERSE
    if what == "cut":
        changed = past
    elif what == "scrambled":
        rows = bars.filter(future)
        level = pl.Series(rng.uniform(0.01, 100, rows.height))
        changed = pl.concat([past, rows.with_columns(pl.col("close", "volume") * level)])
        changed = changed.sample(fraction=1.0, shuffle=True, seed=seed % 1000)
    else:
        leaves = AS_OF + timedelta(days=int(rng.integers(1, 300)))
        changed, gone = bars, rng.random(44) < 0.5
        ends = pl.Series([leaves if g else None for g in gone], dtype=pl.Date)
        joined = [("NEW", AS_OF + timedelta(days=1), None, "NEW")]
        spells = pl.DataFrame(joined, schema=SPELL_SCHEMA, orient="row")
        kept = UNIVERSE.spells.with_columns(end_date=ends)
        universe = Universe(pl.concat([kept, spells]), UNIVERSE.sectors, "test", UNIVERSE.retrieved)

    got = scan_sectors(changed, universe, AS_OF, RULES)

    assert got.picks.equals(expected.picks)
    assert (got.members, got.eligible) == (expected.members, expected.eligible)


def test_of_equals_the_name_that_sorts_first_wins(bars: pl.DataFrame) -> None:
    one = bars.filter(pl.col("symbol") == "SIMK01")
    twins = pl.concat([one.with_columns(symbol=pl.lit(name)) for name in ("ZZ", "AA", "MM")])
    universe = universe_of(dict.fromkeys(("ZZ", "AA", "MM"), "Energy"))

    for frame in (twins, twins.reverse(), twins.sample(fraction=1.0, shuffle=True, seed=1)):
        assert scan_sectors(frame, universe, AS_OF, RULES).symbols == ("AA", "MM")


def test_short_histories_dead_and_illiquid_stocks_are_left_out(bars: pl.DataFrame) -> None:
    days = sessions_until(AS_OF, 61)
    young = (pl.col("symbol") == "SIMB01") & (pl.col("ts").dt.date() < days[30])
    dead = (pl.col("symbol") == "SIMB02") & (pl.col("ts").dt.date() > days[-6])
    thin = pl.when(pl.col("symbol") == "SIMB03").then(1.0).otherwise(pl.col("volume"))
    flat = pl.when(pl.col("symbol") == "SIMB04").then(10.0).otherwise(pl.col("close"))
    spoilt = bars.filter(~young, ~dead).with_columns(volume=thin, close=flat)

    scan = scan_sectors(
        spoilt, UNIVERSE, AS_OF, ScanRules(lookback=60, min_dollar_volume=1e5, min_history=0.9)
    )

    assert scan.eligible == 40
    assert "Materials" not in scan.picks["sector"].to_list()
    assert not any(symbol.startswith("SIMB") for symbol in scan.symbols)


def test_only_members_of_the_day_are_picked(bars: pl.DataFrame) -> None:
    spells = UNIVERSE.spells.with_columns(
        start_date=pl.when(pl.col("symbol").str.ends_with("1"))
        .then(AS_OF + timedelta(days=1))
        .otherwise(pl.col("start_date"))
    )
    universe = Universe(spells, UNIVERSE.sectors, "test", UNIVERSE.retrieved)

    scan = scan_sectors(bars, universe, AS_OF, RULES)

    assert scan.members == 33
    assert not any(symbol.endswith("1") for symbol in scan.symbols)
    tomorrow = scan_sectors(bars, universe, AS_OF + timedelta(days=1), RULES)
    assert tomorrow.members == 44


def test_nobody_eligible_is_an_error_that_says_why(bars: pl.DataFrame) -> None:
    with pytest.raises(DataError, match=r"none of 44 members has a daily bar"):
        scan_sectors(bars, UNIVERSE, date(2012, 6, 1), RULES)
    with pytest.raises(DataError, match=r"the longest has 41 of 61 sessions"):
        scan_sectors(bars, UNIVERSE, date(2016, 3, 2), RULES)


@pytest.mark.parametrize(
    "wrong", [{"per_sector": 0}, {"lookback": 1}, {"risk_free_rate": float("nan")}]
)
def test_rules_that_no_scan_can_have_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ScanRules(**wrong)  # type: ignore[arg-type]


def test_rescans_follow_the_calendar_months() -> None:
    found = rescans(date(2020, 1, 15), date(2020, 4, 2))

    assert found == (
        Rescan(date(2020, 1, 14), date(2020, 1, 15), date(2020, 1, 31)),
        Rescan(date(2020, 1, 31), date(2020, 2, 3), date(2020, 2, 28)),
        Rescan(date(2020, 2, 28), date(2020, 3, 2), date(2020, 3, 31)),
        Rescan(date(2020, 3, 31), date(2020, 4, 1), date(2020, 4, 2)),
    )
    assert rescans(date(2020, 1, 18), date(2020, 1, 20)) == ()  # a long week-end


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 500), st.sampled_from([1, 3, 12]))
def test_rescans_cover_every_session_once_and_know_only_the_past(
    start: int, length: int, months: int
) -> None:
    first = date(2010, 1, 4) + timedelta(days=start)
    found = rescans(first, first + timedelta(days=length), months=months)

    for scan in found:
        assert scan.as_of < scan.first <= scan.last
        assert sessions_until(scan.first, 2) == [scan.as_of, scan.first]
    for one, other in pairwise(found):
        assert sessions_until(other.first, 2) == [one.last, other.first]


@pytest.fixture
def lake(bars: pl.DataFrame, tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.write(bars, interval="1d", source="simulated")
    return lake


def test_a_scan_of_the_lake_is_kept_until_the_bars_change(
    lake: Lake, bars: pl.DataFrame, scan: Scan, tmp_path: Path
) -> None:
    scans = LakeScans(lake, UNIVERSE, tmp_path / "scan")

    first, again = scans.scan(AS_OF, RULES), scans.scan(AS_OF, RULES)

    assert first.picks.equals(scan.picks)
    assert again.picks.equals(scan.picks)
    assert again.picks.schema == scan.picks.schema
    assert len(list((tmp_path / "scan").iterdir())) == 1
    last = bars.filter(pl.col("ts") == bars["ts"].max())
    lake.write(last.with_columns(volume=pl.col("volume") + 1), interval="1d", source="simulated")
    assert scans.scan(AS_OF, RULES).picks.equals(scan.picks)
    assert len(list((tmp_path / "scan").iterdir())) == 2


def test_of_two_sources_a_symbol_has_the_bars_of_the_longer_one(
    lake: Lake, bars: pl.DataFrame, scan: Scan, tmp_path: Path
) -> None:
    other = bars.filter(pl.col("ts").dt.date() > date(2016, 4, 1))
    lake.write(other.with_columns(close=pl.col("low")), interval="1d", source="other")

    scans = LakeScans(lake, UNIVERSE, tmp_path / "scan")

    assert scans.bars().collect().height == bars.height
    assert scans.scan(AS_OF, RULES).picks.equals(scan.picks)
    only = LakeScans(lake, UNIVERSE, tmp_path / "scan", source="other")
    assert only.bars().collect().height == other.height
