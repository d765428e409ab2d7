from datetime import date

import numpy as np
import polars as pl
import pytest

from cluster.errors import ConfigError, DataError
from features import SimulatedMarket, check_bars, compute_features, interval_of
from features.bars.sessions import OUTSIDE, is_half_day, session_index
from features.simulated.edge import WINDOW, knowing_returns
from features.simulated.shocks import INTRADAY_VARIANCE, INTRADAY_VOLUME

HOURS_A_YEAR = 252 * 7


def matrix(bars: pl.DataFrame, column: str) -> np.ndarray:
    """(T, A) of bars that all symbols have."""
    return bars[column].to_numpy().reshape(bars["symbol"].n_unique(), -1).T


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return SimulatedMarket(symbols=22, sessions=1000, seed=3)


@pytest.fixture(scope="module")
def bars(market) -> pl.DataFrame:
    return market.bars()


@pytest.fixture(scope="module")
def returns(bars) -> np.ndarray:
    return np.diff(np.log(matrix(bars, "close")), axis=0)


def sharpe(returns: np.ndarray, bars_a_year: int) -> float:
    return float(returns.mean() / returns.std() * np.sqrt(bars_a_year))


def test_the_bars_pass_every_check_and_are_labelled(market, bars):
    assert check_bars(bars, origin="simulated").frame.equals(bars)
    assert market.label == "SIMULATED"
    assert all(symbol.startswith("SIM") for symbol in bars["symbol"].unique())
    assert interval_of(bars) == "1h"


def test_the_same_arguments_give_the_same_bars_and_another_seed_others():
    first = SimulatedMarket(sessions=30, seed=5).bars()

    assert SimulatedMarket(sessions=30, seed=5).bars().equals(first)
    assert not SimulatedMarket(sessions=30, seed=6).bars()["close"].equals(first["close"])


def test_the_eleven_sectors_are_assigned_in_turn():
    sectors = SimulatedMarket(symbols=24).sectors()

    assert list(sectors)[:3] == ["SIMB01", "SIMC01", "SIME01"]
    assert list(sectors)[-2:] == ["SIMB03", "SIMC03"]
    assert len(set(sectors.values())) == 11
    assert sectors["SIMK02"] == "Information Technology"
    assert len(SimulatedMarket(symbols=1200).sectors()) == 1200


def test_bars_start_on_the_hours_of_real_sessions(bars):
    day = bars.filter(pl.col("symbol") == "SIMK01").with_columns(
        pl.col("ts").dt.convert_time_zone("America/New_York").alias("local")
    )
    per_day = day.group_by(pl.col("local").dt.date().alias("day")).agg(pl.len(), pl.col("local"))

    assert day["local"].dt.strftime("%H:%M").unique().sort().to_list() == [
        "09:30", "10:30", "11:30", "12:30", "13:30", "14:30", "15:30",
    ]  # fmt: skip
    assert per_day.height == 1000
    assert dict(per_day.select("day", "len").iter_rows()) == {
        d: 4 if is_half_day(d) else 7 for d in per_day["day"]
    }
    assert (session_index(bars["ts"].dt.replace_time_zone(None).to_numpy()) != OUTSIDE).all()


def test_daily_bars_are_one_a_session_at_midnight():
    bars = SimulatedMarket(symbols=2, sessions=5, interval="1d", start=date(2024, 7, 3)).bars()

    assert bars["ts"].dt.date().to_list() == [date(2024, 7, d) for d in (3, 5, 8, 9, 10)] * 2
    assert bars["ts"].dt.hour().unique().to_list() == [0]


def test_sizes_are_those_of_large_stocks(returns):
    assert returns.std(axis=0).mean() * np.sqrt(HOURS_A_YEAR) == pytest.approx(0.25, abs=0.03)
    assert returns.mean(axis=1).std() * np.sqrt(HOURS_A_YEAR) == pytest.approx(0.165, abs=0.03)
    assert np.abs(returns).max() < 0.4


def test_the_index_has_a_modest_sharpe_ratio_over_many_seeds():
    ratios = []
    for seed in range(20):
        bars = SimulatedMarket(sessions=1500, interval="1d", seed=seed).bars()
        close = matrix(bars, "close")
        ratios.append(sharpe((close[1:] / close[:-1] - 1).mean(axis=1), 252))

    # the standard error of the mean is 1 / sqrt(20 * 6 years) = 0.09
    assert np.mean(ratios) == pytest.approx(0.4, abs=0.3)


def test_tails_are_fat_and_volatility_clusters(returns):
    daily = SimulatedMarket(sessions=2000, interval="1d", seed=1).bars()
    moves = np.diff(np.log(matrix(daily, "close")), axis=0)
    kurtosis = ((moves - moves.mean(0)) ** 4).mean(0) / moves.var(0) ** 2
    size = np.abs(moves.mean(axis=1))

    assert kurtosis.mean() > 3.8
    assert np.corrcoef(size[20:], size[:-20])[0, 1] > 0.05
    assert abs(np.corrcoef(moves[1:].ravel(), moves[:-1].ravel())[0, 1]) < 0.03


def test_stocks_of_one_sector_move_together_more_than_others(market, returns):
    correlation = np.corrcoef(returns.T)
    sector = np.array([market.sectors()[s] for s in sorted(market.sectors())])
    same = (sector[:, None] == sector) & ~np.eye(22, dtype=bool)

    assert correlation[same].mean() > correlation[~same & ~np.eye(22, dtype=bool)].mean() + 0.1
    assert correlation[~same & ~np.eye(22, dtype=bool)].mean() == pytest.approx(0.4, abs=0.12)


def test_a_quarter_of_the_variance_comes_overnight(bars):
    open_, close = np.log(matrix(bars, "open")), np.log(matrix(bars, "close"))
    hour = bars.filter(pl.col("symbol") == "SIMB01")["ts"].dt.convert_time_zone("America/New_York")
    first = (hour.dt.hour() == 9).to_numpy()[1:]
    gaps = open_[1:] - close[:-1]

    overnight = (gaps[first] ** 2).sum() / ((close[1:] - close[:-1]) ** 2).sum()

    assert overnight == pytest.approx(0.25, abs=0.05)
    assert np.abs(gaps[~first]).mean() < np.abs(gaps[first]).mean() / 5


def test_the_day_is_u_shaped_in_variance_and_volume(bars):
    hour = bars["ts"].dt.convert_time_zone("America/New_York").dt.hour().to_numpy()
    body = np.log(bars["close"] / bars["open"]).to_numpy()
    variance = np.array([(body[hour == h] ** 2).mean() for h in range(9, 16)])
    volume = np.array([bars["volume"].to_numpy()[hour == h].mean() for h in range(9, 16)])

    assert np.allclose(variance / variance.sum(), INTRADAY_VARIANCE, atol=0.03)
    assert np.allclose(volume / volume.sum(), INTRADAY_VOLUME, atol=0.03)


def test_volume_grows_with_the_size_of_the_move(bars):
    move, volume = (
        np.abs(np.log(matrix(bars, "close") / matrix(bars, "open"))),
        matrix(bars, "volume"),
    )

    correlations = [np.corrcoef(move[:, a], volume[:, a])[0, 1] for a in range(22)]

    assert min(correlations) > 0.25


def test_high_and_low_reach_as_far_as_a_random_walk_does(bars):
    body = np.log(bars["close"] / bars["open"]).to_numpy()
    reach = np.log(bars["high"] / bars["low"]).to_numpy()

    # Parkinson 1980: E[range^2] = 4 ln 2 E[move^2] for a random walk
    assert (reach**2).mean() / (body**2).mean() == pytest.approx(4 * np.log(2), rel=0.1)


@pytest.mark.parametrize(("interval", "sessions"), [("1h", 800), ("1d", 1200)])
def test_the_knowing_trader_earns_the_stated_sharpe_ratio(interval, sessions):
    bars_a_year = HOURS_A_YEAR if interval == "1h" else 252
    measured = {}
    for edge in (0.0, 2.0, 5.0):
        ratios = []
        for seed in range(8):
            bars = SimulatedMarket(
                sessions=sessions, interval=interval, edge=edge, seed=seed
            ).bars()
            known = knowing_returns(matrix(bars, "open"), matrix(bars, "close"))
            ratios.append(sharpe(known, bars_a_year))
        measured[edge] = np.mean(ratios)

    # the standard error of each mean is 1 / sqrt(8 seeds * years): 0.20 (1h) and 0.16 (1d)
    for edge, ratio in measured.items():
        assert ratio == pytest.approx(edge, abs=0.6)
    assert measured[5.0] - measured[2.0] == pytest.approx(3.0, abs=0.3)  # same shocks


def test_the_edge_shows_in_the_feature_column_that_the_docs_name():
    bars = SimulatedMarket(sessions=400, edge=6.0, seed=2).bars()
    zscore = compute_features(bars)["zscore_50"].to_numpy().reshape(22, -1).T[WINDOW:-2]
    open_ = matrix(bars, "open")
    gained = open_[WINDOW + 2 :] / open_[WINDOW + 1 : -1] - 1
    weights = -np.clip(zscore, -3, 3)
    weights /= np.abs(weights).sum(axis=1, keepdims=True)

    by_column = (weights * gained).sum(axis=1)

    known = knowing_returns(open_, matrix(bars, "close"))
    assert by_column == pytest.approx(known[1:], abs=1e-9)
    assert sharpe(by_column, HOURS_A_YEAR) == pytest.approx(6.0, abs=2.4)  # 3 standard errors


def test_a_large_edge_pays_a_patient_long_only_trader_after_costs():
    gains = []
    for seed in range(4):
        bars = SimulatedMarket(sessions=700, edge=5.0, seed=seed).bars()
        zscore = compute_features(bars)["zscore_50"].to_numpy().reshape(22, -1).T[WINDOW:-2]
        open_ = matrix(bars, "open")
        gained = open_[WINDOW + 2 :] / open_[WINDOW + 1 : -1] - 1
        held = np.zeros(zscore.shape)
        for t in range(1, len(held)):  # in below -1.5, out above 0
            held[t] = np.where(held[t - 1] > 0, zscore[t] < 0, zscore[t] < -1.5)
        cost = 5e-4 * np.abs(np.diff(held, axis=0, prepend=0.0))
        gains.append(sharpe((held * gained - cost).mean(axis=1), HOURS_A_YEAR))

    assert np.mean(gains) > 1.5


def test_without_an_edge_the_past_says_nothing():
    bars = SimulatedMarket(sessions=1500, interval="1d", seed=4).bars()

    known = knowing_returns(matrix(bars, "open"), matrix(bars, "close"))

    assert abs(sharpe(known, 252)) < 3 / np.sqrt(1500 / 252)


def test_the_edge_changes_neither_the_shocks_nor_the_bars_before_its_signal():
    without = SimulatedMarket(sessions=60, seed=9).bars()
    with_edge = SimulatedMarket(sessions=60, seed=9, edge=3.0).bars()

    for column in ("open", "close"):
        before, after = matrix(without, column), matrix(with_edge, column)
        assert np.allclose(before[:WINDOW], after[:WINDOW], rtol=1e-12)
        assert np.abs(after / before - 1).max() < 0.2
    assert not np.allclose(matrix(without, "close")[-1], matrix(with_edge, "close")[-1])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"symbols": 0}, "symbols 0"),
        ({"sessions": -1}, "sessions -1"),
        ({"seed": -1}, "seed -1"),
        ({"interval": "5m"}, "interval '5m'"),
        ({"edge": -1.0}, "edge -1.0"),
        ({"edge": float("nan")}, "edge nan"),
        ({"edge": 1000.0}, "edge 1000.0"),
    ],
)
def test_a_market_that_cannot_be_is_refused(arguments, name):
    with pytest.raises(ConfigError, match="simulated market") as caught:
        SimulatedMarket(**arguments)

    assert caught.value.what == f"simulated market: {name}"
    assert caught.value.exit_code == 3


def test_too_few_bars_for_an_edge_and_too_many_sessions_are_refused():
    with pytest.raises(ConfigError, match="it has 70 bars, and the edge needs 100"):
        SimulatedMarket(sessions=10, edge=1.0).bars()
    with pytest.raises(DataError, match="the exchange calendar goes from"):
        SimulatedMarket(sessions=50_000).bars()


def test_one_symbol_and_one_session_are_a_market():
    bars = SimulatedMarket(symbols=1, sessions=1).bars()

    assert bars.height == 7
    assert check_bars(bars, origin="simulated").frame.equals(bars)


def test_markets_of_other_arguments_have_other_names_in_the_lake() -> None:
    given = SimulatedMarket(symbols=4, sessions=30)

    assert given.source == SimulatedMarket(symbols=4, sessions=30).source
    assert given.source.startswith("simulated-")
    others = {
        SimulatedMarket(symbols=5, sessions=30).source,
        SimulatedMarket(symbols=4, sessions=31).source,
        SimulatedMarket(symbols=4, sessions=30, edge=1.0).source,
        SimulatedMarket(symbols=4, sessions=30, seed=1).source,
        SimulatedMarket(symbols=4, sessions=30, interval="1d").source,
    }
    assert len(others | {given.source}) == 6
