"""The panel of all symbols on one clock, and the order in which formulas are computed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from features import SimulatedMarket, with_sectors
from features.compute.catalog import FeatureSet
from features.compute.formula_order import GIVEN, stages
from features.compute.panel import Panel
from features.universe.sector_of import sectors_of_bars

START = datetime(2020, 1, 2, tzinfo=UTC)
BACK = pl.col("close").shift(2).over("symbol").alias("two_before")


def bars_at(hours: dict[str, list[int]]) -> pl.DataFrame:
    """Bars whose close is the hour + 100 times the symbol's number."""
    rows = [
        (symbol, START + timedelta(hours=hour), 100.0 * (number + 1) + hour)
        for number, (symbol, given_hours) in enumerate(sorted(hours.items()))
        for hour in given_hours
    ]
    schema = {"symbol": pl.String(), "ts": pl.Datetime("us", "UTC"), "close": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def panel_of(bars: pl.DataFrame) -> Panel:
    return Panel.of(bars, pl.Series("sector", ["Energy"] * bars.height))


def test_bars_without_gaps_are_the_rectangle_themselves() -> None:
    bars = bars_at({"A": [0, 1, 2], "B": [0, 1, 2]})

    panel = panel_of(bars)

    assert panel.rows is None
    assert panel.frame["close"].to_list() == bars["close"].to_list()
    assert panel.frame["clock"].to_list() == [0, 1, 2, 0, 1, 2]
    assert panel.frame["symbol"].to_list() == [0, 0, 0, 1, 1, 1]


def test_a_gap_is_null_and_the_clock_is_that_of_all() -> None:
    panel = panel_of(bars_at({"A": [0, 2, 5], "B": [1, 2]}))

    assert panel.frame["close"].to_list() == [100, None, 102, 105, None, 201, 202, None]
    assert panel.frame["sector"].null_count() == 3
    assert panel.rows is not None
    assert panel.rows.tolist() == [0, 2, 3, 5, 6]


def test_looking_back_counts_the_bars_of_the_clock() -> None:
    bars = bars_at({"A": [0, 1, 2, 3], "B": [0, 2, 3]})

    found = panel_of(bars).columns([[BACK]], ["two_before"])["two_before"]

    assert found.to_list() == [0, 0, 100, 101, 0, 200, 0]  # B at 3: it has no bar at 1


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 12), st.floats(0.0, 0.8), st.integers(0, 2**32 - 1))
def test_every_bar_gets_the_value_of_its_own_time(
    symbols: int, times: int, gaps: float, seed: int
) -> None:
    there = np.random.default_rng(seed).random((symbols, times)) >= gaps
    hours = {f"S{a}": np.flatnonzero(there[a]).tolist() for a in range(symbols) if there[a].any()}
    bars = bars_at(hours)

    found = panel_of(bars).columns([[BACK, pl.col("close").alias("own")]], ["own", "two_before"])

    assert found["own"].to_list() == bars["close"].to_list()
    clock = bars["ts"].unique().sort().to_list()
    known = {(s, t): c for s, t, c in bars.iter_rows()}
    wanted = [
        known.get((s, clock[clock.index(t) - 2]), 0.0) if clock.index(t) >= 2 else 0.0
        for s, t, _ in bars.iter_rows()
    ]
    assert found["two_before"].to_list() == wanted


def test_no_bars_make_an_empty_panel() -> None:
    panel = panel_of(bars_at({"A": [0]}).clear())

    assert panel.frame.height == 0
    assert panel.columns([[BACK]], ["two_before"]).height == 0


@pytest.mark.parametrize("scope", ["symbol", "panel"])
def test_each_stage_refers_to_what_is_given_and_to_stages_before(scope: str) -> None:
    known = set(GIVEN[scope])

    for stage in stages(FeatureSet.of("sectors"), scope):  # type: ignore[arg-type]
        for formula in stage:
            assert set(formula.meta.root_names()) <= known, formula.meta.output_name()
        known |= {formula.meta.output_name() for formula in stage}

    wanted = {c.name for c in FeatureSet.of("sectors").of_scope(scope)}  # type: ignore[arg-type]
    assert wanted <= known


def test_chosen_columns_come_with_what_they_refer_to_and_no_more() -> None:
    names = [
        f.meta.output_name()
        for stage in stages(FeatureSet.of("v6"), "symbol", ("rsi",))
        for f in stage
    ]

    assert names == ["price_change", "rsi"]
    everything = [f.meta.output_name() for stage in stages(FeatureSet.of("v6")) for f in stage]
    assert len(everything) == len(set(everything)) == len(FeatureSet.of("v6").quantities)


def test_sectors_are_asked_of_the_mapping_first() -> None:
    bars = SimulatedMarket(symbols=2, sessions=2).bars()
    columned = with_sectors(bars, {"SIMB01": "Energy", "SIMC01": "Utilities"})

    assert sectors_of_bars(bars, None).unique().sort().to_list() == [
        "Communication Services",
        "Materials",
    ]
    assert sectors_of_bars(columned, None).unique().sort().to_list() == ["Energy", "Utilities"]
    one = dict.fromkeys(("SIMB01", "SIMC01"), "Industrials")
    assert sectors_of_bars(columned, one).unique().to_list() == ["Industrials"]


def test_a_column_with_a_hole_is_refused_by_symbol() -> None:
    bars = SimulatedMarket(symbols=2, sessions=2).bars()
    holed = with_sectors(bars, {"SIMB01": "Energy"})

    with pytest.raises(DataError, match="no sector for SIMC01"):
        sectors_of_bars(holed, None)
    with pytest.raises(DataError, match="no sector for SIMC01"):
        sectors_of_bars(bars, {"SIMB01": "Energy"})


def test_a_simulated_name_with_a_letter_of_no_sector_is_refused() -> None:
    bars = SimulatedMarket(symbols=1, sessions=2).bars().with_columns(symbol=pl.lit("SIMQ01"))

    with pytest.raises(DataError, match="no sector for SIMQ01"):
        sectors_of_bars(bars, None)
