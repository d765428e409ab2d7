from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from features import CheckedBars, Lake, SimulatedMarket, check_bars, compute_features, split_bad


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=2, sessions=60).bars()


def test_nobody_but_the_checks_makes_checked_bars(bars):
    checked = check_bars(bars, origin="here")

    ways = (
        lambda: CheckedBars(bars),
        lambda: CheckedBars(bars, "checked, I promise"),
        lambda: replace(checked, frame=bars.with_columns(close=pl.lit(-1.0))),
    )
    for unchecked in ways:
        with pytest.raises(TypeError, match="check_bars"):
            unchecked()


def test_checked_bars_are_handed_back_as_they_are(bars):
    checked = check_bars(bars, origin="here")

    assert check_bars(checked, origin="there") is checked


def test_bars_left_out_leave_the_others_checked(bars):
    checked = check_bars(bars, origin="here")
    first, middle = checked.symbols[0], bars["ts"][bars.height // 4]

    fewer = checked.filter(pl.col("symbol") == first, pl.col("ts") >= middle)

    expected = bars.filter(pl.col("symbol") == first, pl.col("ts") >= middle)
    assert check_bars(fewer, origin="here") is fewer
    assert fewer.frame.equals(expected)
    assert 0 < fewer.frame.height < bars.height / 2
    assert fewer.symbols == (first,)


def test_the_interval_is_that_of_the_bars_that_are_left(bars):
    hourly = check_bars(bars, origin="here")
    step = timedelta(hours=1)

    daily = hourly.filter(pl.col("ts") == pl.col("ts").min().over("symbol", pl.col("ts").dt.date()))

    assert (hourly.interval, daily.interval) == ("1h", "1d")
    assert hourly.frame["ts"][1] - hourly.frame["ts"][0] == step


def test_the_good_ones_of_a_split_are_checked_and_may_be_none(bars):
    good, bad = split_bad(bars.with_columns(high=pl.lit(0.0)))

    assert check_bars(good, origin="here") is good
    assert (good.frame.height, bad.height) == (0, bars.height)
    assert good.frame.schema == CheckedBars.none().frame.schema


def test_lake_and_features_take_plain_and_checked_bars_alike(bars, tmp_path):
    checked = check_bars(bars, origin="here")
    by_time = bars.sort("ts", "symbol")

    of_checked, of_plain = compute_features(checked), compute_features(by_time)
    for name, given in (("checked", checked), ("plain", by_time)):
        Lake(tmp_path / name).write(given, interval="1h", source="simulated")

    assert of_checked.equals(of_plain)
    prints = {Lake(tmp_path / name).fingerprint("1h") for name in ("checked", "plain")}
    assert len(prints) == 1
