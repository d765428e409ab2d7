"""Three faults that make results too good, each planted in a bundle: the gate names each of them.

The same bundle without the fault passes that check, so that none of them fires by itself.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from cluster.settings import Home
from envs import V6Params, Window
from envs.from_bars import market_from_bars
from features.universe.store import save_universe
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe
from train.controls.truth_problem import Problem, ProblemSize, Search, judge_search, search_market
from train.policy.normaliser import Normaliser

SIZE = ProblemSize(symbols=3, train=500, validation=60, test=80)
CHECKS = {"fills at seen prices", "normaliser of other bars", "symbols chosen later"}
NAMES = {"SIMB01": "OLD", "SIMC01": "NEW", "SIME01": "XLE"}  # XLE is a fund: in no index


@pytest.fixture(scope="module")
def search() -> Search:
    bars = Problem(edge=8.0, seed=0, size=SIZE).bars()
    named = bars.with_columns(pl.col("symbol").replace(NAMES)).sort("symbol", "ts")
    found = search_market(market_from_bars(named), SIZE.folds, seed=0)
    return replace(found, label="daily")


def index_where_new_joined(home: Home, day: date) -> None:
    """An index of two stocks: OLD since ever, NEW since `day`."""
    spells = [("OLD", None, None, "OLD"), ("NEW", day, None, "NEW")]
    universe = Universe(
        pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row"),
        pl.DataFrame([], schema=SECTOR_SCHEMA),
        "a test",
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    save_universe(universe, home.root / "universe")


def refused_for(home: Home, search: Search) -> dict[str, str]:
    """Which of the three checks the gate's answer fails, and why."""
    _, promotion = judge_search(home, search)
    assert not CHECKS - {check.name for check in promotion.checks}
    return {check.name: check.why for check in promotion.failed if check.name in CHECKS}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    index_where_new_joined(made, date(1990, 1, 2))
    return made


def no_fault(search: Search, home: Home) -> Search:
    return search


def fills_at_the_close_that_was_seen(search: Search, home: Home) -> Search:
    return replace(search, params=V6Params.default(fill_lag=0))


def scaler_fitted_on_everything(search: Search, home: Home) -> Search:
    market = search.market
    window = Window(0, market.num_bars)
    return replace(search, scale=Normaliser.fit(market.features, market.tradable, window))


def universe_of_today(search: Search, home: Home) -> Search:
    last = search.market.ts[-1].astype("datetime64[D]").item()
    index_where_new_joined(home, last)
    return search


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (no_fault, {}),
        (
            fills_at_the_close_that_was_seen,
            {"fills at seen prices": "orders fill at the close that they were decided on"},
        ),
        (
            scaler_fitted_on_everything,
            {"normaliser of other bars": "the scale is that of all bars"},
        ),
        (universe_of_today, {"symbols chosen later": "NEW was not in the index on 20"}),
    ],
)
def test_each_fault_is_caught_by_its_own_check(
    search: Search,
    home: Home,
    plant: Callable[[Search, Home], Search],
    told: dict[str, str],
) -> None:
    refused = refused_for(home, plant(search, home))

    assert refused.keys() == told.keys()
    for name, words in told.items():
        assert words in refused[name]
