"""Which bars a sweep is on when nobody says so, and that they are the same by every way."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError, UsageError
from cluster.settings import Home
from envs import Market
from envs.from_lake import LakeMarkets
from features import Lake, SimulatedMarket
from features.slots.plan import slot_names
from features.universe.store import save_universe
from features.universe.universe import Universe
from train.scenarios.scenario import PloutosConfig
from train.sweep.bars.choice import BarsChoice
from train.sweep.bars.request import requested
from train.sweep.plan import SweepRequest, make_plan

SIMULATED = SimulatedMarket(symbols=3, sessions=600, interval="1d", seed=5)
DEFAULT = BarsChoice()


@dataclass(frozen=True)
class Place:
    """A home, its lake, and the sweeps that are asked for there."""

    home: Home
    small: Callable[..., PloutosConfig]

    @property
    def lake(self) -> Lake:
        return Lake(self.home.lake)

    def ask(self, choice: BarsChoice = DEFAULT, **data: Any) -> SweepRequest:
        return requested(self.config(**data), choice, self.home, name="one")

    def config(self, **data: Any) -> PloutosConfig:
        values = self.small().model_dump(mode="json")
        values["data"] |= {"interval": "1d", "period": "2y"} | data
        return PloutosConfig.model_validate(values)


@pytest.fixture
def place(tmp_path: Path, small: Callable[..., PloutosConfig]) -> Place:
    return Place(Home(tmp_path / "home"), small)


@pytest.fixture
def filled(place: Place) -> Place:
    """A home whose lake has real bars: by their source, though the prices are made up."""
    place.lake.write(SIMULATED.bars(), interval="1d", source="alpaca", adjustment="split")
    return place


def built(place: Place) -> set[str]:
    """Every file of every Market, and when it was written."""
    return {f"{p} {p.stat().st_mtime_ns}" for p in place.home.tables.rglob("*") if p.is_file()}


def test_an_empty_home_gets_the_simulated_market_and_is_told_so(place: Place) -> None:
    request = place.ask(tickers=["AAPL", "MSFT"])

    assert request.label == "SIMULATED"
    assert request.told == "simulated, since the lake is empty"
    assert make_plan(request).bars == request.told


def test_simulated_bars_in_the_lake_are_no_reason_to_train_on_them(place: Place) -> None:
    place.lake.write(SIMULATED.bars(), interval="1d", source=SIMULATED.source)

    assert place.ask().told == "simulated, since the lake has simulated bars only"
    named = place.ask(BarsChoice(source=SIMULATED.source))
    assert named.label == "SIMULATED"
    assert Market.load(named.market).symbols == tuple(sorted(SIMULATED.tickers()))


def test_real_bars_are_trained_on_and_the_plan_names_who_had_them(filled: Place) -> None:
    plan = make_plan(filled.ask())

    assert (plan.data.label, plan.data.interval) == ("alpaca", "1d")
    assert plan.data.origins is not None
    (origin,) = plan.data.origins
    assert (origin.source, origin.adjustment, origin.bars) == ("alpaca", "split", 3 * 504)
    assert plan.bars.startswith("series alpaca of the lake ")
    assert "1,512 of alpaca (split)" in plan.bars


def test_the_market_of_the_lake_is_built_once_for_all_sweeps(filled: Place) -> None:
    # given: what data market builds, over a lake that is no longer than the period
    market = LakeMarkets(filled.lake, filled.home.tables).market("1d")
    before = built(filled)

    first, second = filled.ask(period="3y"), filled.ask(period="3y")

    assert first.market == second.market == market.path
    assert built(filled) == before
    assert "its Market was built before" in second.told


@pytest.mark.parametrize("data", [{}, {"tickers": ["SIMC01", "SIMB01"]}, {"period": "9y"}])
def test_an_exported_file_gives_the_same_market(
    filled: Place, tmp_path: Path, data: dict[str, Any]
) -> None:
    filled.lake.scan("1d").collect().write_parquet(tmp_path / "export.parquet")

    of_lake, of_file = (
        filled.ask(**data),
        filled.ask(BarsChoice(file=tmp_path / "export.parquet"), **data),
    )

    assert of_lake.market == of_file.market  # named by its content


def test_slots_of_the_lake_are_those_of_the_file(place: Place, tmp_path: Path) -> None:
    simulated = SimulatedMarket(symbols=44, sessions=640, interval="1d")
    simulated.bars().write_parquet(tmp_path / "export.parquet")
    place.lake.write(simulated.bars(), interval="1d", source="yahoo")
    values = place.config().model_dump(mode="json")
    values["sector_scan"] |= {"enabled": True, "lookback_days": 60}
    config = PloutosConfig.model_validate(values)
    with pytest.raises(DataError, match="no universe"):
        requested(config, DEFAULT, place.home)
    sectors = simulated.sectors() | {"GONE": "Energy"}
    save_universe(Universe.of_all(sectors, "test"), place.home.universe)

    of_lake = requested(config, DEFAULT, place.home)
    of_file = requested(config, BarsChoice(file=tmp_path / "export.parquet"), place.home)
    again = requested(config, DEFAULT, place.home)

    assert Market.load(of_lake.market).symbols == slot_names(2)
    assert (of_lake.market, of_lake.slots) == (of_file.market, of_file.slots)
    assert (again.market, again.slots) == (of_lake.market, of_lake.slots)
    assert "built before" in again.told
    assert "; 1 of 45 members have no bars: GONE (ploutos data fetch GONE --interval" in again.told


def test_what_the_lake_lacks_is_named_with_the_command_that_fetches_it(filled: Place) -> None:
    last = SIMULATED.bars()["ts"].max().date()
    with pytest.raises(DataError, match="no bars for NVDA") as symbol:
        filled.ask(tickers=["SIMB01", "NVDA"])
    with pytest.raises(DataError, match="no 1h bars in the lake") as interval:
        filled.ask(interval="1h", tickers=["SIMB01"])
    with pytest.raises(DataError, match="no 1d bars of source yahoo"):
        filled.ask(BarsChoice(source="yahoo"))

    start = last - timedelta(days=732)
    assert symbol.value.next_command == f"ploutos data fetch NVDA --interval 1d --start {start}"
    assert "ploutos data fetch SIMB01 --interval 1h" in interval.value.next_command


def test_a_lake_too_short_for_the_folds_says_from_when_to_fetch(filled: Place) -> None:
    values = filled.config(period="5y").model_dump(mode="json")
    values["folds"]["train_sessions"] = 600

    with pytest.raises(DataError, match="too few for 1 fold") as refused:
        requested(PloutosConfig.model_validate(values), DEFAULT, filled.home)

    command = "ploutos data fetch SIMB01 SIMC01 SIME01 --interval 1d --start 2015-01-01"
    assert refused.value.next_command.startswith(command)


def test_two_real_series_are_never_mixed(filled: Place) -> None:
    filled.lake.write(SIMULATED.bars(), interval="1d", source="yahoo")

    with pytest.raises(UsageError, match="series of alpaca, yahoo"):
        filled.ask()

    assert filled.ask(BarsChoice(source="yahoo")).label == "yahoo"


def test_symbols_that_are_too_short_are_left_out_by_every_way(
    filled: Place, tmp_path: Path
) -> None:
    young = SIMULATED.bars().filter(pl.col("symbol") == "SIMB01").tail(30)
    filled.lake.write(young.with_columns(symbol=pl.lit("NEW")), interval="1d", source="alpaca")
    filled.lake.scan("1d").collect().write_parquet(tmp_path / "export.parquet")

    of_lake, of_file = filled.ask(), filled.ask(BarsChoice(file=tmp_path / "export.parquet"))

    assert of_lake.market == of_file.market
    for request in (of_lake, of_file):
        assert request.told.endswith("left out, too short to warm the features up: NEW")


def test_a_lake_behind_a_url_is_brought_here_and_only_what_changed_comes_again(
    filled: Place, tmp_path: Path
) -> None:
    # given: a lake in a bucket, and a home without one
    away = Place(Home(tmp_path / "cluster"), filled.small)
    choice = BarsChoice(lake=f"file://{filled.home.lake}")

    first = away.ask(choice)
    blocks = sorted((away.home.root / "cache" / "lake").rglob("block-*.parquet"))
    came = [block.stat().st_mtime_ns for block in blocks]
    again = away.ask(choice)

    assert Market.load(first.market).fingerprint == Market.load(filled.ask().market).fingerprint
    assert again.market == first.market
    assert first.told.startswith(f"series alpaca of the lake file://{filled.home.lake}, ")
    assert [block.stat().st_mtime_ns for block in blocks] == came
    # when: a copy is damaged here, and a block changed there
    blocks[0].write_bytes(b"torn")
    last = SIMULATED.bars().filter(pl.col("ts") == pl.col("ts").max())
    filled.lake.write(last.with_columns(volume=pl.lit(1.0)), interval="1d", source="alpaca")
    changed = Market.load(away.ask(choice).market)
    np.testing.assert_array_equal(changed.volume[-1], 1.0)


def test_a_name_is_refused_before_the_features_are_computed(filled: Place) -> None:
    for name in ("../evil", "a.fold1"):
        with pytest.raises(UsageError, match="is no name for a sweep"):
            requested(filled.config(), DEFAULT, filled.home, name=name)

    assert built(filled) == set()


def test_a_lake_that_is_not_there_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no lake at"):
        place.ask(BarsChoice(lake=str(tmp_path / "none")))
    with pytest.raises(DataError, match="no 1d bars in the lake memory://nothing"):
        place.ask(BarsChoice(lake="memory://nothing"))


def test_the_setting_names_the_lake(
    filled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOUTOS_LAKE", str(filled.home.lake))

    assert Place(Home(tmp_path / "other"), filled.small).ask().label == "alpaca"
