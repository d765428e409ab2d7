"""The checks on simulated bars with planted defects, and on eleven years of real ones."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import SimulatedMarket, read_raw
from features.bars.checks import split_bad
from features.bars.schema import BAR_COLUMNS
from features.bars.sessions import session_dates, sessions_between
from features.quality import QualityReport, Thresholds, check_quality
from features.quality.alarms import Level
from features.quality.runs import mark_stale
from places import DATA

PRICES = ("open", "high", "low", "close")
SYMBOLS, SESSIONS = 8, 160
VICTIM, AT = "SIMC01", 120


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=SYMBOLS, sessions=SESSIONS, interval="1d", seed=4).bars()


def serious(report: QualityReport) -> pl.DataFrame:
    return report.alarms.filter(pl.col("level") != Level.NOTE)


def found(bars: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Symbol, check and level of every alarm."""
    return serious(check_quality(bars, origin="x")).select("symbol", "check", "level").rows()


def number() -> pl.Expr:
    """The number of a bar within its symbol."""
    return pl.int_range(pl.len()).over("symbol")


def scaled(bars: pl.DataFrame, where: pl.Expr, price: float, volume: float = 1.0) -> pl.DataFrame:
    """Bars of the victim with prices and volume multiplied where the condition holds."""
    where = where & (pl.col("symbol") == VICTIM)
    changes = [
        pl.when(where).then(pl.col(name) * factor).otherwise(pl.col(name)).alias(name)
        for names, factor in ((PRICES, price), (("volume",), volume))
        for name in names
    ]
    return bars.with_columns(changes)


def test_honest_bars_raise_no_alarm(bars):
    report = check_quality(bars, origin="x")

    assert serious(report).height == 0
    assert report.verdict == Level.OK
    assert report.counts() == {Level.OK: SYMBOLS, Level.SUSPECT: 0, Level.BAD: 0}
    assert report.symbols["bars"].sum() == bars.height == report.rows


@pytest.mark.parametrize("factor", [2, 3, 4, 10, 1 / 10, 1 / 4])
def test_a_split_that_is_not_adjusted_is_bad(bars, factor):
    split = scaled(bars, number() < AT, factor, 1 / factor)

    report = check_quality(split, origin="x")

    (alarm,) = serious(report).rows(named=True)
    assert (alarm["symbol"], alarm["check"], alarm["level"]) == (VICTIM, "split", "BAD")
    assert alarm["ts"] == bars.filter(pl.col("symbol") == VICTIM)["ts"][AT]
    assert not alarm["wrong"]  # setting the bar aside would not mend the series
    assert report.verdict == Level.BAD


@pytest.mark.parametrize("factor", [0.7, 0.8, 1.25, 1.6])
def test_a_move_without_volume_is_a_false_adjustment(bars, factor):
    moved = scaled(bars, number() < AT, factor)

    assert found(moved) == [(VICTIM, "jump", "SUSPECT")]


@pytest.mark.parametrize("factor", [0.7, 0.8, 1.25, 1.6])
def test_the_same_move_on_ten_times_the_volume_is_real(bars, factor):
    moved = scaled(scaled(bars, number() < AT, factor), number() == AT, 1.0, 10.0)

    assert found(moved) == []


def test_a_move_that_others_share_is_real(bars):
    crash = pl.when(number() >= AT).then(0.75).otherwise(1.0)
    three = pl.col("symbol").is_in(bars["symbol"].unique().sort()[:4].implode())
    factor = pl.when(three).then(crash).otherwise(1.0)

    assert found(bars.with_columns(pl.col(PRICES) * factor)) == []


def test_a_spike_that_returns_is_one_wrong_bar(bars):
    spike = scaled(bars, number() == AT, 1.3)

    report = check_quality(spike, origin="x")

    (alarm,) = serious(report).rows(named=True)
    assert (alarm["check"], alarm["level"], alarm["wrong"]) == ("spike", "SUSPECT", True)


@pytest.mark.parametrize("factor", [10, 100, 1000, 0.1, 0.01])
@pytest.mark.parametrize("last", [False, True])
def test_bars_in_another_unit_are_each_wrong(bars, factor, last):
    first = SESSIONS - 2 if last else AT
    off = scaled(bars, number().is_between(first, first + 1), factor)

    alarms = serious(check_quality(off, origin="x"))

    assert (
        alarms.select("symbol", "check", "level", "wrong").rows()
        == [(VICTIM, "unit", "BAD", True)] * 2
    )


def test_a_collapse_on_the_last_bar_is_no_unit_error(bars):
    crash = scaled(bars, number() == SESSIONS - 1, 0.1, 40.0)

    assert found(crash) == []


def test_volume_in_lots_is_suspect(bars):
    assert found(scaled(bars, number() >= AT, 1.0, 0.01)) == [(VICTIM, "unit", "SUSPECT")]


def test_a_close_that_stands_still_without_volume_is_stale(bars):
    frozen = (pl.col("symbol") == VICTIM) & number().is_between(AT, AT + 4)
    last = bars.filter(pl.col("symbol") == VICTIM)["close"][AT - 1]
    values = [pl.when(frozen).then(last).otherwise(pl.col(name)).alias(name) for name in PRICES]
    volume = pl.when(frozen).then(0.0).otherwise(pl.col("volume")).alias("volume")

    marked = mark_stale(bars.with_columns(*values, volume), Thresholds())
    names = [check for _, check, _ in found(bars.with_columns(*values, volume))]

    assert marked.filter("stale").select("symbol", "ts").rows() == [
        (VICTIM, ts) for ts in bars.filter(pl.col("symbol") == VICTIM)["ts"][AT : AT + 5]
    ]
    assert names == ["stale"] * 5 + ["zero volume"]


def test_a_close_that_repeats_with_trades_is_not_stale(bars):
    same = bars.with_columns(pl.lit(100.0).alias(name) for name in PRICES)

    assert not mark_stale(same, Thresholds())["stale"].any()


def test_copied_bars_are_stale(bars):
    one = bars.filter(pl.col("symbol") == VICTIM)
    copied = one.with_columns(
        pl.when(number().is_between(AT, AT + 2)).then(pl.col(name).get(AT - 1)).otherwise(name)
        for name in (*PRICES, "volume")
    )

    assert mark_stale(copied, Thresholds())["stale"].sum() == 3


def test_missing_sessions_are_a_gap(bars):
    holed = bars.filter(~((pl.col("symbol") == VICTIM) & number().is_between(50, 59)))

    report = check_quality(holed, origin="x")

    row = report.symbols.row(by_predicate=pl.col("symbol") == VICTIM, named=True)
    assert (row["verdict"], row["gaps"], row["gap_run"]) == ("SUSPECT", 10, 10)
    assert row["findings"] == "gap"


def test_after_a_halt_a_price_may_be_anywhere(bars):
    halted = bars.filter(~((pl.col("symbol") == VICTIM) & number().is_between(AT, AT)))

    assert found(scaled(halted, number() >= AT, 0.3)) == []


def test_a_series_that_ends_early_is_noted_and_not_blamed(bars):
    cut = bars.filter(~((pl.col("symbol") == VICTIM) & (number() > 100)))

    report = check_quality(cut, origin="x")

    assert report.verdict == Level.OK
    notes = report.alarms.filter(pl.col("check") == "ends early")
    assert notes["symbol"].to_list() == [VICTIM]


def test_prices_in_whole_cents_are_told_from_adjusted_ones(bars):
    cents = (
        pl.when(pl.col("symbol") == VICTIM).then(pl.col(PRICES).round(2)).otherwise(pl.col(PRICES))
    )

    report = check_quality(bars.with_columns(cents), origin="x")

    adjusted = report.alarms.filter(pl.col("check") == "adjusted")["symbol"].to_list()
    assert sorted(adjusted) == [s for s in bars["symbol"].unique().sort() if s != VICTIM]


def test_broken_unsorted_and_repeated_bars_are_bad(bars):
    rows = bars.with_columns(
        low=pl.when(pl.int_range(pl.len()) == 7).then(-1.0).otherwise(pl.col("low"))
    )
    rows = pl.concat([rows[:3], rows[4:5], rows[3:4], rows[5:], rows[9:10]])

    report = check_quality(rows, origin="x")

    assert report.verdict == Level.BAD
    assert report.broken["row"].to_list() == [4, 7, 9, rows.height - 1]
    assert report.bars.height == bars.height - 1


def test_a_frame_without_an_interval_still_has_a_verdict(bars):
    one = bars.group_by("symbol", maintain_order=True).first().select(BAR_COLUMNS)

    report = check_quality(one, origin="x")

    assert (report.interval, report.verdict) == ("", Level.OK)
    assert report.symbols["bars"].to_list() == [1] * SYMBOLS


def test_intraday_splits_are_found_at_the_session_and_units_at_the_bar():
    hourly = SimulatedMarket(symbols=6, sessions=90, interval="1h", seed=2).bars()
    days = pl.col("ts").dt.date().rank("dense").over("symbol")
    split = scaled(hourly, days <= 60, 4, 1 / 4)
    off = scaled(hourly, number() == 300, 10)

    assert found(split) == [(VICTIM, "split", "BAD")]
    assert found(off) == [(VICTIM, "unit", "BAD")]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["1d", "1h"]))
def test_no_seed_of_the_simulated_market_is_bad(seed, interval):
    market = SimulatedMarket(symbols=6, sessions=80, interval=interval, seed=seed)

    report = check_quality(market.bars(), origin="x")

    assert report.verdict != Level.BAD
    assert serious(report).height <= 1


def real(name: str) -> pl.DataFrame:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return read_raw(path)


@pytest.fixture(scope="module")
def daily() -> QualityReport:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return check_quality(real("daily"), origin="daily", now=now)


FALSE_JUMPS = [
    ("DHR", date(2016, 7, 5), "+61.2 %"),
    ("VTR", date(2015, 8, 18), "-23.6 %"),
    ("DD", date(2019, 6, 3), "+17.8 %"),
    ("LDOS", date(2013, 9, 30), "+15.0 %"),
    ("TMUS", date(2013, 5, 1), "-15.8 %"),
]
MORE_FALSE_ONES = {"CHTR", "DELL", "DF", "HWM", "NE", "S", "SWY"}  # spin-offs and share exchanges


@pytest.mark.parametrize(("symbol", "day", "move"), FALSE_JUMPS)
def test_the_known_false_jumps_are_found(daily, symbol, day, move):
    alarms = serious(daily).filter(
        pl.col("symbol") == symbol, pl.col("ts").dt.date() == day, pl.col("check") == "jump"
    )

    assert alarms.height == 1
    assert move in alarms["reason"][0]


@pytest.mark.parametrize("symbol", ["PCG", "OXY", "APA", "DVN", "EIX", "SIVBQ", "FRCB", "AAPL"])
def test_real_crashes_raise_no_alarm(daily, symbol):
    assert serious(daily).filter(pl.col("symbol") == symbol).height == 0


@pytest.mark.parametrize("symbol", ["PCG", "OXY", "APA"])
def test_real_crashes_raise_no_alarm_without_a_market_to_compare_with(symbol):
    alone = real("daily").filter(pl.col("symbol") == symbol)

    assert serious(check_quality(alone, origin=symbol)).height == 0


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_bank_run_as_that_on_sbny_is_no_false_jump(resumed, seed):
    """SBNY, March 2023: -12 %, -23 % on ever more shares, a halt, then 0.13 USD."""
    rng = np.random.default_rng(seed)
    days = session_dates(sessions_between(date(2022, 3, 1), date(2023, 3, 10)))
    steps, volume = rng.normal(-0.002, 0.025, len(days)), rng.lognormal(14.0, 0.3, len(days))
    steps[-2:], volume[-2:] = (-0.12, -0.26), volume[-2:] * (5, 15)
    close = 70.0 * np.exp(np.cumsum(steps) - steps.sum())
    if resumed:
        after = session_dates(sessions_between(date(2023, 3, 28), date(2023, 5, 30)))
        days = np.concatenate([days, after])
        volume = np.concatenate([volume, rng.lognormal(15.0, 0.8, len(after))])
        tail = 0.13 * np.exp(np.cumsum(rng.normal(0, 0.12, len(after))))
        close = np.concatenate([close, tail])
    bars = pl.DataFrame({"symbol": "SBNY", "ts": pl.Series(days).cast(pl.Datetime("us", "UTC"))})
    bars = bars.with_columns(open=close * 1.01, high=close * 1.03, low=close * 0.97, close=close)

    found = serious(check_quality(bars.with_columns(volume=volume), origin="x"))

    assert found["check"].to_list() == (["gap"] if resumed else [])  # the halt: 11 sessions


def test_what_else_it_finds_is_false_on_the_tape_too(daily):
    names = set(serious(daily).filter(pl.col("check").is_in(["jump", "spike"]))["symbol"])

    assert names == {symbol for symbol, _, _ in FALSE_JUMPS} | MORE_FALSE_ONES
    assert daily.counts() == {Level.OK: 576, Level.SUSPECT: 12, Level.BAD: 0}
    assert daily.moves.height > 3_000


def test_series_that_cover_only_a_membership_end_early(daily):
    noted = daily.alarms.filter(pl.col("check") == "ends early")["symbol"]

    assert noted.len() == 90
    assert {"DF", "SWY", "DELL-OLD"} <= set(noted)


def test_adjusted_closes_are_noted(daily):
    assert daily.alarms.filter(pl.col("check") == "adjusted").height == 503


def test_hourly_bars_that_mix_the_pre_market_with_the_open_are_noted():
    report = check_quality(real("hourly"), origin="hourly")

    assert report.verdict == Level.OK
    assert report.alarms.filter(pl.col("check") == "straddles").height == 20


def test_sector_funds_are_fine():
    assert check_quality(real("sector_etfs_daily"), origin="etf").verdict == Level.OK


def test_the_good_bars_of_the_report_are_those_of_split_bad(bars):
    rows = bars.with_columns(high=pl.when(number() == 3).then(0.0).otherwise(pl.col("high")))

    assert check_quality(rows, origin="x").bars.equals(split_bad(rows)[0].frame)
