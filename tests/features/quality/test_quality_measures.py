"""What the jump checks look at, against numbers worked out by hand or by numpy."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import SimulatedMarket
from features.bars.schema import BAR_SCHEMA
from features.quality import Thresholds, check_quality
from features.quality.jumps import find_jumps, find_volume_units, large_moves
from features.quality.measures import bars_by_session, measure

LIMITS = Thresholds()
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=6, sessions=120, interval="1d", seed=9).bars()


@pytest.fixture(scope="module")
def measured(bars) -> pl.DataFrame:
    return measure(bars_by_session(bars, "1d"), LIMITS)


def matrix(bars: pl.DataFrame, column: str) -> np.ndarray:
    """(sessions, symbols)."""
    return bars[column].to_numpy().reshape(6, 120).T


def test_a_session_bar_is_made_of_the_bars_within_the_session():
    start = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)  # one bar before the open, at 13:30
    rows = [
        ("A", start + timedelta(hours=i), 10.0 + i, 20.0 + i, 5.0 - i / 10, 11.0 + i, 100.0)
        for i in range(9)  # the last one starts after the close
    ]
    hourly = pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")

    (session,) = bars_by_session(hourly, "1h").rows(named=True)

    assert session["ts"] == datetime(2024, 5, 1, tzinfo=UTC)
    assert (session["open"], session["close"]) == (11.0, 18.0)
    assert (session["high"], session["low"]) == (27.0, 4.3)
    assert session["volume"] == 700.0


def test_daily_bars_are_their_own_sessions(bars):
    assert bars_by_session(bars, "1d").equals(bars)


def test_moves_are_those_of_the_close_less_the_markets_median(bars, measured):
    close, opened = matrix(bars, "close"), matrix(bars, "open")
    moves = np.log(close[1:] / close[:-1])
    gaps = np.log(opened[1:] / close[:-1])

    expected = moves - np.median(moves, axis=1, keepdims=True)
    expected_gaps = gaps - np.median(gaps, axis=1, keepdims=True)

    np.testing.assert_allclose(matrix(measured, "move")[1:], expected, atol=1e-12)
    np.testing.assert_allclose(matrix(measured, "gap")[1:], expected_gaps, atol=1e-12)


def test_sigma_is_the_largest_of_two_pasts_and_of_the_day(measured):
    size = np.abs(matrix(measured, "move"))
    t, a = 100, 2
    known = [
        np.median(size[t - 60 : t, a]),
        np.median(size[t - 10 : t, a]),
        np.median(size[t]),
    ]

    sigma = 1.4826 * max(known)

    assert matrix(measured, "move_sigma")[t, a] == pytest.approx(size[t, a] / sigma)


def test_volume_is_compared_with_its_past_and_with_the_market(bars, measured):
    volume = matrix(bars, "volume")
    t, a = 90, 4
    ratio = volume[t] / np.median(volume[t - 20 : t], axis=0)

    assert matrix(measured, "busy")[t, a] == pytest.approx(ratio[a] / np.median(ratio))


def test_the_level_is_that_of_ten_sessions_on_each_side(bars, measured):
    volume = matrix(bars, "volume")
    after, before = volume[50:60, 1], volume[40:50, 1]

    assert matrix(measured, "level")[50, 1] == pytest.approx(np.median(after) / np.median(before))


def test_nothing_is_measured_in_sigma_before_there_is_a_history(measured):
    sigma = measured.select("symbol", "move_sigma", number=pl.int_range(pl.len()).over("symbol"))

    known = sigma.filter(pl.col("move_sigma").is_not_null())["number"]

    assert known.min() == LIMITS.min_history + 1  # the first bar has no move


def test_few_symbols_are_no_market(bars):
    two = bars.filter(pl.col("symbol").is_in(["SIMB01", "SIMC01"]))

    alone = measure(bars_by_session(two, "1d"), LIMITS)

    close = alone.filter(pl.col("symbol") == "SIMB01")["close"].to_numpy()
    np.testing.assert_allclose(alone["move"].to_numpy()[1:120], np.diff(np.log(close)), atol=1e-12)


def test_missing_sessions_are_counted(bars):
    holed = bars.filter(~pl.int_range(pl.len()).is_between(50, 52))

    measured = measure(bars_by_session(holed, "1d"), LIMITS)

    assert measured["skipped"].drop_nulls().value_counts().sort("skipped").rows() == [
        (0, 6 * 120 - 6 - 3 - 1),
        (3, 1),
    ]


def judged(measured: pl.DataFrame, **changes: float | None) -> list[str]:
    """The checks that raise an alarm on one bar whose measures are replaced."""
    at = pl.int_range(pl.len()) == 3 * 120 + 80
    values = [
        pl.when(at).then(pl.lit(value, dtype=pl.Float64)).otherwise(name).alias(name)
        for name, value in changes.items()
    ]
    changed = measured.with_columns(values)
    return find_jumps(changed, large_moves(changed, LIMITS), LIMITS)["check"].to_list()


FALSE = {"move": 0.3, "gap": 0.29, "ratio": 0.3, "jump": 0.29, "next_move": 0.0, "level": 1.0}


@pytest.mark.parametrize(
    ("gap_sigma", "busy", "raised"),
    [
        (30.0, 1.0, True),
        (15.0, 1.0, True),
        (14.9, 1.0, False),
        (87.0, 5.2, True),
        (30.0, 8.0, False),
        (100.0, 12.5, False),
        (8.0, 0.5, True),
    ],
)
def test_a_gap_is_false_when_it_is_large_for_its_volume(measured, gap_sigma, busy, raised):
    found = judged(measured, **FALSE, gap_sigma=gap_sigma, busy=busy, move_sigma=1.0)

    assert found == (["jump"] if raised else [])


@pytest.mark.parametrize(("move_sigma", "raised"), [(11.4, True), (7.6, True), (7.4, False)])
def test_a_move_within_the_day_is_false_when_it_is_large_for_its_volume(
    measured, move_sigma, raised
):
    values = {**FALSE, "gap": 0.01, "gap_sigma": 1.0}

    assert judged(measured, **values, move_sigma=move_sigma, busy=1.0) == (
        ["jump"] if raised else []
    )


def test_a_move_within_the_day_that_is_taken_back_on_volume_is_news(measured):
    values = {**FALSE, "gap": 0.01, "gap_sigma": 1.0, "next_move": -0.29, "next_busy": 4.0}

    assert judged(measured, **values, move_sigma=14.0, busy=1.3) == []


def test_a_spike_is_taken_back_in_quiet(measured):
    values = {**FALSE, "next_move": -0.29, "next_busy": 0.8}

    assert judged(measured, **values, gap_sigma=30.0, move_sigma=20.0, busy=1.0) == ["spike"]


@pytest.mark.parametrize(
    ("factor", "level", "busy", "found"),
    [
        (2.0, 0.5, 0.5, ["split"]),
        (0.5, 2.0, 2.0, ["split"]),
        (1.5, 0.66, 0.7, ["split"]),
        (0.05, 20.0, 22.0, ["split"]),
        (0.5, 1.0, 0.9, ["jump"]),  # the volume's level stays
        (0.5, 2.0, 11.0, []),  # a crash, traded as one
        (0.1, 1.0, 1.0, ["unit"]),
        (0.1, 1.0, 15.0, []),  # a crash by nine tenths
    ],
)
def test_splits_units_and_crashes_are_told_apart_by_their_volume(
    measured, factor, level, busy, found
):
    move = math.log(factor)
    values = {"move": move, "gap": move, "ratio": move, "jump": move, "next_move": 0.0}

    assert judged(measured, **values, level=level, busy=busy, gap_sigma=60.0, move_sigma=40.0) == (
        found
    )


@pytest.mark.parametrize("level", [math.nan, math.inf, 0.0, 40.0, 0.03])
def test_volumes_without_a_level_raise_nothing(measured, level):
    changed = measured.with_columns(level=pl.lit(level))

    assert find_volume_units(changed, LIMITS).height == 0


def planted(bars: pl.DataFrame) -> pl.DataFrame:
    """Bars with a false adjustment, a spike and an unadjusted split."""
    row = pl.int_range(pl.len())
    factor = (
        pl.when(row < 70)
        .then(1.3)
        .when(row == 120 + 80)
        .then(0.7)
        .when(row.is_between(240, 300))
        .then(4.0)
        .otherwise(1.0)
    )
    volume = pl.when(row.is_between(240, 300)).then(0.25).otherwise(1.0)
    return bars.with_columns(pl.col(PRICES) * factor, pl.col("volume") * volume)


def alarms(bars: pl.DataFrame) -> list[tuple[object, ...]]:
    found = check_quality(bars, origin="x").alarms.filter(~pl.col("level").is_in(["NOTE"]))
    return found.filter(pl.col("check") != "rule").select("symbol", "ts", "check").rows()


def test_three_planted_defects_are_three_alarms(bars):
    assert sorted(check for _, _, check in alarms(planted(bars))) == ["jump", "spike", "split"]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_does_not_change_what_is_found(seed):
    bars = planted(SimulatedMarket(symbols=6, sessions=120, interval="1d", seed=9).bars())

    assert alarms(bars.sample(fraction=1.0, shuffle=True, seed=seed)) == alarms(bars)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 50.0), st.floats(0.01, 100.0))
def test_currency_and_lot_size_do_not_change_what_is_found(price, lot):
    bars = planted(SimulatedMarket(symbols=6, sessions=120, interval="1d", seed=9).bars())
    other = bars.with_columns(pl.col(PRICES) * price, pl.col("volume") * lot)

    assert alarms(other) == alarms(bars)
