"""Columns that TA-Lib knows too, on the same bars."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from features.bench.bench_features import random_walks
from features.compute.compute import compute_features

talib = pytest.importorskip("talib", reason="TA-Lib is not installed")

WARM = 400  # rows: past the memory of Wilder's smoothing, however it was started


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return random_walks(1, 2000, seed=11)


@pytest.fixture(scope="module")
def columns(bars: pl.DataFrame) -> Mapping[str, np.ndarray]:
    return {name: bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}


@pytest.fixture(scope="module")
def features(bars: pl.DataFrame) -> pl.DataFrame:
    return compute_features(bars)


@pytest.mark.parametrize(
    ("name", "function"),
    [("adx_14", "ADX"), ("plus_di_14", "PLUS_DI"), ("minus_di_14", "MINUS_DI")],
)
def test_trend_strength_is_wilders(
    columns: Mapping[str, np.ndarray], features: pl.DataFrame, name: str, function: str
) -> None:
    expected = getattr(talib, function)(columns["high"], columns["low"], columns["close"], 14)

    np.testing.assert_allclose(features[name].to_numpy()[WARM:], expected[WARM:], atol=1e-6)


def test_adx_tells_a_trend_from_a_range() -> None:
    close = np.concatenate([100 + np.arange(400.0), 500 + 5 * np.sin(np.arange(400.0))])
    bars = pl.DataFrame({"symbol": "X", "ts": np.arange(800), "open": close, "close": close})
    bars = bars.with_columns(high=pl.col("close") + 1, low=pl.col("close") - 1, volume=1.0)

    features = compute_features(bars)

    assert features["adx_14"][399] == pytest.approx(100.0)
    assert features["minus_di_14"][399] == 0.0
    assert features["adx_14"][799] < 20.0


def test_money_flow_index(columns: Mapping[str, np.ndarray], features: pl.DataFrame) -> None:
    c = columns
    expected = talib.MFI(c["high"], c["low"], c["close"], c["volume"], 14)

    got = features["money_flow_index_14"].to_numpy()

    np.testing.assert_allclose(got[50:], expected[50:], rtol=1e-9)


def test_on_balance_volume(columns: Mapping[str, np.ndarray], features: pl.DataFrame) -> None:
    balance = talib.OBV(columns["close"], columns["volume"])
    traded = talib.SUM(columns["volume"], 20)

    expected = (balance[20:] - balance[:-20]) / traded[20:]

    np.testing.assert_allclose(features["obv_slope_20"].to_numpy()[20:], expected, atol=1e-9)


def test_chaikin_money_flow(columns: Mapping[str, np.ndarray], features: pl.DataFrame) -> None:
    c = columns
    line = talib.AD(c["high"], c["low"], c["close"], c["volume"])
    traded = talib.SUM(c["volume"], 20)

    expected = (line[20:] - line[:-20]) / traded[20:]

    got = features["chaikin_money_flow_20"].to_numpy()[20:]
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_average_true_range(columns: Mapping[str, np.ndarray], features: pl.DataFrame) -> None:
    c = columns
    expected = talib.SMA(talib.TRANGE(c["high"], c["low"], c["close"])[1:], 14) / c["close"][1:]

    np.testing.assert_allclose(features["atr_pct"].to_numpy()[50:], expected[49:], rtol=1e-9)


def test_bollinger_bands(columns: Mapping[str, np.ndarray], features: pl.DataFrame) -> None:
    sample = (20 / 19) ** 0.5  # TA-Lib takes the population's standard deviation
    upper, middle, lower = talib.BBANDS(columns["close"], 20, 2 * sample, 2 * sample)

    position = (columns["close"] - lower) / (upper - lower)

    np.testing.assert_allclose(
        features["bb_width"].to_numpy()[20:], ((upper - lower) / middle)[20:], rtol=1e-6
    )
    np.testing.assert_allclose(features["bb_position"].to_numpy()[20:], position[20:], atol=1e-6)


def test_trend_correlation(columns: Mapping[str, np.ndarray], features: pl.DataFrame) -> None:
    time = np.arange(len(columns["close"]), dtype=np.float64)

    expected = talib.CORREL(columns["close"], time, 50)

    got = features["trend_correlation_50"].to_numpy()
    np.testing.assert_allclose(got[49:], expected[49:], atol=1e-6)


@pytest.mark.parametrize("period", [5, 10, 20])
def test_rate_of_change(
    columns: Mapping[str, np.ndarray], features: pl.DataFrame, period: int
) -> None:
    expected = talib.ROCP(columns["close"], period)

    got = features[f"roc_{period}"].to_numpy()

    np.testing.assert_allclose(got[period:], expected[period:], atol=1e-12)
    assert (got[:period] == 0.0).all()
