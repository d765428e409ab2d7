import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cluster.errors import ConfigError, DataError, UsageError
from cluster.settings import Home
from envs import Market
from envs.from_bars import market_from_slots
from features import SimulatedMarket
from features.slots.bars import SlotRules, slotted_bars
from features.slots.plan import slot_names
from features.universe.store import save_universe
from features.universe.universe import Universe
from train.ledger.code_version import code_version
from train.ledger.names import WalkFold
from train.market.folds import walk_forward
from train.market.stored import open_market
from train.scenarios.scenario import PloutosConfig
from train.sweep.bars.from_bars import request_from_bars, request_from_file, simulated_request
from train.sweep.plan import SWEEP_PLANS, SweepRequest, make_plan
from train.sweep.plan_file import resume_command

Small = Callable[..., PloutosConfig]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def request_(random_market: Market, small: Small, home: Home) -> SweepRequest:
    market = random_market.save(home.tables)
    return SweepRequest(small(), market, "SIMULATED", "1h", home, name="first")


def test_the_normalised_market_has_the_training_windows_scale(
    request_: SweepRequest, home: Home
) -> None:
    plan = make_plan(request_)

    low, high = plan.fold.train.start, plan.fold.train.stop
    normalised = open_market(home.tables / plan.market, plan.fingerprint)
    raw = open_market(home.tables / plan.raw_market, plan.raw_fingerprint)
    rows = normalised.features[low:high].reshape(-1, normalised.num_features)
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(rows.std(axis=0), 1.0, atol=1e-3)
    np.testing.assert_array_equal(normalised.features, plan.scale().apply(raw.features))
    assert plan.fingerprint != plan.raw_fingerprint


def test_a_plan_is_read_back_as_it_was_made(request_: SweepRequest, home: Home) -> None:
    plan = make_plan(request_)

    assert SWEEP_PLANS.read(home, "first") == plan
    assert plan.scenario() == request_.config
    assert plan.code_version == code_version()


def test_a_sweeps_default_name_is_scenario_and_time(request_: SweepRequest) -> None:
    unnamed = SweepRequest(**vars(request_) | {"name": ""})

    assert make_plan(unnamed).name.startswith(f"demo-{datetime.now(UTC):%Y}")


def test_a_taken_name_is_refused_and_tells_how_to_go_on(request_: SweepRequest) -> None:
    make_plan(request_)

    with pytest.raises(UsageError, match="ploutos tune resume first"):
        make_plan(request_)


@pytest.mark.parametrize("name", ["a/b", "..", ".", "-x", "x" * 101, "a b", "a.fold1"])
def test_a_name_that_is_no_folder_or_a_folds_is_refused(request_: SweepRequest, name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        make_plan(SweepRequest(**vars(request_) | {"name": name}))


def test_a_fold_that_is_not_there_is_refused(request_: SweepRequest) -> None:
    with pytest.raises(UsageError, match="no fold 3"):
        make_plan(SweepRequest(**vars(request_) | {"fold": 3}))


def test_folds_of_one_market_are_different_problems(request_: SweepRequest, small: Small) -> None:
    values = small().model_dump(mode="json")
    values["folds"]["count"] = 2
    two = PloutosConfig.model_validate(values)

    plans = [
        make_plan(
            SweepRequest(**vars(request_) | {"config": two, "fold": fold, "name": f"f{fold}"})
        )
        for fold in (0, 1)
    ]

    assert plans[0].problem != plans[1].problem
    assert plans[0].fold.test.stop == plans[1].fold.test.start


def test_a_sweep_that_is_not_there_is_named(home: Home) -> None:
    (home.root / "elsewhere").mkdir(parents=True)
    (home.root / "elsewhere" / "sweep.json").write_text("{}")

    for name in ("other", "../elsewhere", ""):
        with pytest.raises(UsageError, match=f"no sweep {name}"):
            SWEEP_PLANS.read(home, name)


def test_plans_are_listed_newest_first(request_: SweepRequest, home: Home) -> None:
    assert SWEEP_PLANS.names(home) == []
    for name in ("old", "middle", "new"):
        make_plan(SweepRequest(**vars(request_) | {"name": name}))
    os.utime(home.sweeps / "old" / "sweep.json")  # as a copy does
    (home.sweeps / "torn").mkdir()
    (home.sweeps / "torn" / "sweep.json").write_text("{")

    assert SWEEP_PLANS.names(home) == ["new", "middle", "old", "torn"]
    assert SWEEP_PLANS.exists(home, "old")
    assert not SWEEP_PLANS.exists(home, "older")


@pytest.mark.parametrize(
    ("walk", "command"),
    [("", "ploutos tune resume w.fold1"), ("w", "ploutos judge run --resume w")],
)
def test_the_plan_tells_what_goes_on_with_a_sweep(
    request_: SweepRequest, home: Home, walk: str, command: str
) -> None:
    # given: a walk w, and a sweep that is its fold, or only called so
    (home.sweeps / "w").mkdir(parents=True)
    (home.sweeps / "w" / "walk.json").touch()
    plan = make_plan(SweepRequest(**vars(request_) | {"name": "w.fold1", "walk": "w"}))
    plan = plan.model_copy(update={"walk": walk})  # the version before took such names
    SWEEP_PLANS.write(home, plan)

    assert plan.walk_fold == (WalkFold("w", 0) if walk else None)
    assert resume_command(home, "w.fold1") == command
    assert resume_command(home, "w") == "ploutos judge run --resume w"


def test_a_damaged_plan_is_refused(request_: SweepRequest, home: Home) -> None:
    make_plan(request_)
    path = home.sweeps / "first" / "sweep.json"
    path.write_text(path.read_text().replace('"problem"', '"riddle"'))

    with pytest.raises(DataError, match="damaged"):
        SWEEP_PLANS.read(home, "first")


class TestMarkets:
    def test_a_simulated_market_has_the_scenarios_size(self, small: Small, home: Home) -> None:
        values = small().model_dump(mode="json")
        values["data"] |= {"tickers": ["NVDA", "MSFT", "AAPL"], "period": "1y"}

        request = simulated_request(PloutosConfig.model_validate(values), home, name="x")

        market = Market.load(request.market)
        assert (request.label, request.interval) == ("SIMULATED", "1h")
        assert market.num_assets == 3
        assert len(np.unique(market.session)) == 252

    def test_bars_of_another_interval_are_refused(self, small: Small, home: Home) -> None:
        bars = SimulatedMarket(symbols=2, sessions=300, interval="1d").bars()

        with pytest.raises(ConfigError, match="these are 1d bars"):
            request_from_bars(small(), bars, "file", home)

    def test_a_symbol_without_bars_is_named(self, small: Small, home: Home) -> None:
        values = small().model_dump(mode="json")
        values["data"]["tickers"] = ["SIMB01", "NVDA"]
        bars = SimulatedMarket(symbols=2, sessions=60).bars()

        with pytest.raises(DataError, match="no bars for NVDA"):
            request_from_bars(PloutosConfig.model_validate(values), bars, "file", home)

    def test_a_file_is_cut_to_the_period_and_lends_its_name(
        self, small: Small, home: Home, tmp_path: Path
    ) -> None:
        values = small().model_dump(mode="json")
        values["data"]["period"] = "1y"
        SimulatedMarket(symbols=2, sessions=504).bars().write_parquet(tmp_path / "mine.parquet")

        config = PloutosConfig.model_validate(values)
        request = request_from_file(config, tmp_path / "mine.parquet", home)

        assert request.label == "mine"
        assert 250 <= len(np.unique(Market.load(request.market).session)) <= 254


class TestSlots:
    @pytest.fixture
    def scanning(self, small: Small) -> PloutosConfig:
        values = small().model_dump(mode="json")
        values["sector_scan"] |= {"enabled": True, "lookback_days": 60}
        values["data"]["period"] = "1y"
        return PloutosConfig.model_validate(values)

    def test_a_scenario_with_a_scan_trains_on_two_slots_a_sector(
        self, scanning: PloutosConfig, home: Home
    ) -> None:
        # given the simulated market, all of whose symbols are members
        request = simulated_request(scanning, home, name="slots")
        market = Market.load(request.market)

        assert market.symbols == slot_names(2)
        assert len(set(market.names)) == len(market.names) > 22
        # then the whole period has picks, and slots change hands at the starts of months only
        assert len(np.unique(market.session)) >= 252
        month = market.ts.astype("datetime64[M]")
        moves = np.flatnonzero((np.diff(market.occupant, axis=0) != 0).any(axis=1)) + 1
        assert len(moves) >= 8
        assert (month[moves] != month[moves - 1]).all()
        # and the plan of the sweep says what settles that
        plan = SWEEP_PLANS.read(home, make_plan(request).name)
        assert plan.slots is not None
        assert plan.slots.rules() == request.slots
        assert request.slots is not None
        assert request.slots.scan == scanning.sector_scan.rules()

    def test_no_fold_sees_later_names(self, scanning: PloutosConfig, home: Home) -> None:
        # given bars, and the same without their last quarter
        simulated = SimulatedMarket(symbols=44, sessions=252 + 81)
        universe = Universe.of_all(simulated.sectors(), "SIMULATED")
        bars = simulated.bars()
        cut = bars.filter(pl.col("ts").dt.date() < bars["ts"].dt.date().unique().sort()[-63])
        start = (bars["ts"].max() - timedelta(days=366)).date()
        sets = []
        for given in (cut, bars):
            rules = SlotRules(start=start, scan=scanning.sector_scan.rules())
            sets.append(market_from_slots(slotted_bars(given, universe, rules, "v6", home.tables)))
        # then what can be trained on before is the same, name by name
        short, long = sets
        fold = walk_forward(short.session, scanning.folds)[-1]
        high = fold.test.stop
        for market in sets:
            assert market.symbols == slot_names(2)
        np.testing.assert_array_equal(short.features[:high], long.features[:high])
        np.testing.assert_array_equal(short.exit_price[:high], long.exit_price[:high])
        ours, theirs = (np.array([*m.names, ""])[m.occupant[:high]] for m in sets)
        np.testing.assert_array_equal(ours, theirs)

    def test_a_scan_of_a_file_wants_the_universe_of_the_home(
        self, scanning: PloutosConfig, home: Home, tmp_path: Path
    ) -> None:
        simulated = SimulatedMarket(symbols=44, sessions=252 + 81)
        simulated.bars().write_parquet(tmp_path / "mine.parquet")

        with pytest.raises(DataError, match="ploutos universe import"):
            request_from_file(scanning, tmp_path / "mine.parquet", home)

        save_universe(Universe.of_all(simulated.sectors(), "test"), home.universe)
        request = request_from_file(scanning, tmp_path / "mine.parquet", home)
        assert Market.load(request.market).symbols == slot_names(2)

    def test_named_tickers_are_no_slots(self, scanning: PloutosConfig, home: Home) -> None:
        values = scanning.model_dump(mode="json")
        values["data"]["tickers"] = ["SIMB01", "SIMC01"]
        bars = SimulatedMarket(symbols=2, sessions=100).bars()

        request = request_from_bars(PloutosConfig.model_validate(values), bars, "file", home)

        assert request.slots is None
        assert Market.load(request.market).occupant is None
