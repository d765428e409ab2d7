"""The demo's own choices: which symbols it takes, and how it cuts the clock."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from apps.demo.steps import MAX_SYMBOLS, demo_scenario, load_data
from cluster.errors import DataError
from cluster.settings import Home
from envs import Market, Window
from features import Lake, SimulatedMarket, feature_names
from train.market.folds import walk_forward


def daily(symbols: int, sessions: int, start: date = date(2016, 1, 4)) -> pl.DataFrame:
    market = SimulatedMarket(symbols=symbols, sessions=sessions, interval="1d", start=start)
    return market.bars()


def test_a_file_with_too_many_symbols_is_cut_to_the_most_traded(tmp_path: Path) -> None:
    file, lines = tmp_path / "many.parquet", list[str]()
    daily(MAX_SYMBOLS + 8, 400).write_parquet(file)

    data = load_data(file, Home(tmp_path / "home"), lines)

    assert len(data.bars.symbols) == MAX_SYMBOLS
    assert data.label == "many.parquet"
    assert f"{MAX_SYMBOLS} symbols of {MAX_SYMBOLS + 8}" in lines[0]
    assert Lake(tmp_path / "home" / "lake").status()["symbols"].sum() == MAX_SYMBOLS


def test_a_symbol_too_short_to_warm_up_is_left_out_and_named(tmp_path: Path) -> None:
    # given: a newcomer of 100 sessions beside two symbols of 500
    file, lines = tmp_path / "mixed.parquet", list[str]()
    old = daily(2, 500)
    new = old.filter(pl.col("symbol") == old["symbol"][0]).tail(100)
    pl.concat([old, new.with_columns(symbol=pl.lit("NEWCO"))]).write_parquet(file)

    # when
    data = load_data(file, Home(tmp_path / "home"), lines)

    # then
    assert "NEWCO" not in data.bars.symbols
    assert lines[-1] == "1 symbols too short to warm the features up: NEWCO"


def test_a_file_of_short_histories_is_refused_with_its_numbers(tmp_path: Path) -> None:
    file = tmp_path / "short.parquet"
    daily(3, 100).write_parquet(file)

    with pytest.raises(DataError, match="the longest has 100 in regular hours"):
        load_data(file, Home(tmp_path / "home"), [])


def test_bars_outside_regular_hours_are_told(tmp_path: Path) -> None:
    file, lines = tmp_path / "late.parquet", list[str]()
    bars = SimulatedMarket(symbols=1, sessions=70).bars()
    evening = bars.group_by(pl.col("ts").dt.date().alias("day")).tail(1).sort("ts")
    late = evening.with_columns(pl.col("ts").dt.offset_by("2h"))
    pl.concat([bars, late.select(bars.columns)]).sort("symbol", "ts").write_parquet(file)

    load_data(file, Home(tmp_path / "home"), lines)

    assert lines[1] == "70 bars outside regular hours are left out of the features"


@pytest.mark.parametrize("sessions", [120, 756, 2_600])
def test_the_windows_fit_the_clock(sessions: int) -> None:
    # given: a market of seven bars a session
    bars = 7 * sessions
    market = Market.from_arrays(
        close=np.full((bars, 1), 10.0),
        session=np.arange(bars) // 7,
        features=np.zeros((bars, 1, len(feature_names("v6"))), np.float32),
        feature_names=feature_names("v6"),
    )

    # when
    scenario = demo_scenario(market)
    (fold,) = walk_forward(market.session, scenario.folds)

    # then
    held_out = max(20, min(252, sessions // 6))
    assert fold.test == Window(bars - 7 * held_out, bars)
    assert len(fold.validation) == 7 * held_out
    assert fold.train.stop >= 0.5 * bars
