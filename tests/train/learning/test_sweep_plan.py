from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cluster.errors import ConfigError, DataError, UsageError
from cluster.settings import Home
from envs import Market
from features import SimulatedMarket
from train.market_table import open_market
from train.scenario import PloutosConfig
from train.scenario_sections import SectorScan
from train.sector_scan import scan_sectors
from train.sweep_market import request_from_bars, request_from_file, simulated_request
from train.sweep_plan import SweepRequest, code_version, make_plan, read_plan

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

    low, high = plan.fold.train
    normalised = open_market(home.tables / plan.market, plan.fingerprint)
    raw = open_market(home.tables / plan.raw_market, plan.raw_fingerprint)
    rows = normalised.features[low:high].reshape(-1, normalised.num_features)
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(rows.std(axis=0), 1.0, atol=1e-3)
    np.testing.assert_array_equal(normalised.features, plan.scale().apply(raw.features))
    assert plan.fingerprint != plan.raw_fingerprint


def test_a_plan_is_read_back_as_it_was_made(request_: SweepRequest, home: Home) -> None:
    plan = make_plan(request_)

    assert read_plan(home, "first") == plan
    assert plan.scenario() == request_.config
    assert plan.code_version == code_version()


def test_a_sweeps_default_name_is_scenario_and_time(request_: SweepRequest) -> None:
    unnamed = SweepRequest(**vars(request_) | {"name": ""})

    assert make_plan(unnamed).name.startswith(f"demo-{datetime.now(UTC):%Y}")


def test_a_taken_name_is_refused_and_tells_how_to_go_on(request_: SweepRequest) -> None:
    make_plan(request_)

    with pytest.raises(UsageError, match="ploutos tune resume first"):
        make_plan(request_)


@pytest.mark.parametrize("name", ["a/b", "..", "-x", "x" * 101])
def test_a_name_that_is_no_folder_is_refused(request_: SweepRequest, name: str) -> None:
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
    assert plans[0].fold.test[1] == plans[1].fold.test[0]


def test_a_sweep_that_is_not_there_is_named(home: Home) -> None:
    with pytest.raises(UsageError, match="no sweep other"):
        read_plan(home, "other")


def test_a_damaged_plan_is_refused(request_: SweepRequest, home: Home) -> None:
    make_plan(request_)
    path = home.sweeps / "first" / "sweep.json"
    path.write_text(path.read_text().replace('"problem"', '"riddle"'))

    with pytest.raises(DataError, match="damaged"):
        read_plan(home, "first")


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


class TestSectorScan:
    def test_it_picks_the_best_of_each_sector_and_sees_no_later_bar(self) -> None:
        simulated = SimulatedMarket(symbols=33, sessions=120, interval="1d")
        bars, scan = simulated.bars(), SectorScan(stocks_per_sector=1, lookback_days=60)
        before = bars["ts"].unique().sort()[90]

        chosen = scan_sectors(bars, simulated.sectors(), scan, before)
        cut = bars.filter(bars["ts"] < before)

        assert chosen == scan_sectors(cut, simulated.sectors(), scan, before)
        sectors = [simulated.sectors()[symbol] for symbol in chosen]
        assert sectors == sorted(set(simulated.sectors().values()))
        for symbol, sector in zip(chosen, sectors, strict=True):
            rivals = [s for s, of in simulated.sectors().items() if of == sector]
            sharpes = {rival: self.sharpe(cut, rival) for rival in rivals}
            assert max(sharpes, key=lambda rival: sharpes[rival]) == symbol

    @staticmethod
    def sharpe(bars: pl.DataFrame, symbol: str) -> float:
        close = bars.filter(bars["symbol"] == symbol)["close"].to_numpy()
        excess = close[1:] / close[:-1] - 1.04 ** (1 / 252)
        return float(excess[-60:].mean() / excess[-60:].std(ddof=1))

    def test_a_sector_with_too_few_symbols_is_named(self) -> None:
        simulated = SimulatedMarket(symbols=12, sessions=80, interval="1d")
        scan = SectorScan(stocks_per_sector=2, lookback_days=60)

        with pytest.raises(DataError, match="Communication Services has 1 symbols"):
            scan_sectors(
                simulated.bars(), simulated.sectors(), scan, datetime(2030, 1, 1, tzinfo=UTC)
            )

    def test_a_scenario_with_a_scan_takes_two_symbols_a_sector(
        self, small: Small, home: Home
    ) -> None:
        values = small().model_dump(mode="json")
        values["sector_scan"] |= {"enabled": True, "lookback_days": 60}
        values["data"]["period"] = "1y"

        request = simulated_request(PloutosConfig.model_validate(values), home)

        assert Market.load(request.market).num_assets == 22

    def test_a_scan_without_sectors_is_refused(self, small: Small, home: Home) -> None:
        values = small().model_dump(mode="json")
        values["sector_scan"]["enabled"] = True
        bars = SimulatedMarket(symbols=2, sessions=60).bars()

        with pytest.raises(ConfigError, match=r"data\.tickers"):
            request_from_bars(PloutosConfig.model_validate(values), bars, "file", home)
