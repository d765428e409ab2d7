"""Every column against its formula, written once more in NumPy on the bars up to one bar."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from features.bench.bench_features import random_walks
from features.compute.catalog import FeatureSet, feature_names
from features.compute.compute import compute_features

Bars = SimpleNamespace  # open, high, low, close, volume up to the bar judged; f64
BARS = 460


def before(bars: Bars, count: int = 1) -> Bars:
    return Bars(**{name: values[:-count] for name, values in vars(bars).items()})


def returns(b: Bars, window: int) -> np.ndarray:
    return (b.close[1:] / b.close[:-1] - 1)[-window:]


def rms(b: Bars, window: int) -> float:
    return float(np.sqrt(np.mean(returns(b, window) ** 2)))


def true_ranges(b: Bars) -> np.ndarray:
    high, low = np.maximum(b.high[1:], b.close[:-1]), np.minimum(b.low[1:], b.close[:-1])
    return high - low


def atr(b: Bars) -> float:
    return float(true_ranges(b)[-14:].mean())


def zscore(b: Bars, window: int) -> float:
    last = b.close[-window:]
    return float((last[-1] - last.mean()) / last.std(ddof=1))


def roc(b: Bars, bars: int) -> float:
    return float(b.close[-1] / b.close[-1 - bars] - 1)


def rsi(b: Bars) -> float:
    change = np.diff(b.close)[-14:]
    gain, loss = change[change > 0].sum(), -change[change < 0].sum()
    return float(100 * gain / (gain + loss))


def bands(b: Bars) -> tuple[float, float, float]:
    last = b.close[-20:]
    middle, half = last.mean(), 2 * last.std(ddof=1)
    return middle - half, middle, middle + half


def bb_width(b: Bars) -> float:
    low, middle, high = bands(b)
    return (high - low) / middle


def atr_pct(b: Bars) -> float:
    return atr(b) / b.close[-1]


def history(value: Callable[[Bars], float], b: Bars, window: int) -> np.ndarray:
    return np.array([value(before(b, back) if back else b) for back in range(window)])


def vol_ratio(b: Bars) -> float:
    return float(b.volume[-1] / b.volume[-20:].mean())


def wicks(b: Bars) -> tuple[float, float, float]:
    top, bottom = max(b.open[-1], b.close[-1]), min(b.open[-1], b.close[-1])
    return b.high[-1] - top, top - bottom, bottom - b.low[-1]


def wilder(values: np.ndarray) -> np.ndarray:
    smoothed = [values[:14].mean()]
    for value in values[14:]:
        smoothed.append(smoothed[-1] + (value - smoothed[-1]) / 14)
    return np.array(smoothed)


def directional(b: Bars) -> tuple[np.ndarray, np.ndarray]:
    up, down = np.diff(b.high), -np.diff(b.low)
    span = wilder(true_ranges(b))
    plus = wilder(np.where((up > down) & (up > 0), up, 0.0))
    minus = wilder(np.where((down > up) & (down > 0), down, 0.0))
    return 100 * plus / span, 100 * minus / span


def money_flow_index(b: Bars) -> float:
    typical = (b.high + b.low + b.close) / 3
    flow, rise = (typical * b.volume)[1:][-14:], np.diff(typical)[-14:]
    return float(100 * flow[rise > 0].sum() / flow[rise != 0].sum())


def chaikin(b: Bars) -> float:
    location = (b.close - b.low) / (b.high - b.low)
    return float(np.sum(((2 * location - 1) * b.volume)[-20:]) / b.volume[-20:].sum())


def obv_slope(b: Bars) -> float:
    return float(np.sum(np.sign(np.diff(b.close))[-20:] * b.volume[-20:]) / b.volume[-20:].sum())


def volume_trend(b: Bars) -> float:
    short, long = b.volume[-5:].mean(), b.volume[-50:].mean()
    return float((short - long) / (short + long))


def risk_adjusted(b: Bars, bars: int) -> float:
    return roc(b, bars) / (rms(b, bars) * bars**0.5)


def autocorrelation(b: Bars) -> float:
    r = returns(b, 50)
    return float(np.mean(r[1:] * r[:-1]) / np.mean(r**2))


def parkinson(b: Bars) -> float:
    inside = np.mean(np.log(b.high / b.low)[-20:] ** 2) / (4 * np.log(2))
    return float(np.sqrt(inside) / rms(b, 20))


def bullish_engulfing(b: Bars) -> bool:
    (o1, o), (c1, c) = b.open[-2:], b.close[-2:]
    return c1 < o1 and c > o and o < c1 and c > o1


def bearish_engulfing(b: Bars) -> bool:
    (o1, o), (c1, c) = b.open[-2:], b.close[-2:]
    return c1 > o1 and c < o and o > c1 and c < o1


def hammer(b: Bars) -> bool:
    upper, body, lower = wicks(b)
    return lower > 2 * body and upper < body / 2 and b.close[-1] > b.open[-1]


def shooting_star(b: Bars) -> bool:
    upper, body, lower = wicks(b)
    return upper > 2 * body and lower < body / 2 and b.close[-1] < b.open[-1]


def reverting_up(b: Bars) -> bool:
    return zscore(before(b), 20) < -1.5 and zscore(b, 20) > zscore(before(b), 20)


def reverting_down(b: Bars) -> bool:
    return zscore(before(b), 20) > 1.5 and zscore(b, 20) < zscore(before(b), 20)


def bullish_divergence(b: Bars) -> bool:
    return b.close[-1] < b.close[-11] and rsi(b) > rsi(before(b, 10))


def bearish_divergence(b: Bars) -> bool:
    return b.close[-1] > b.close[-11] and rsi(b) < rsi(before(b, 10))


def dist_support(b: Bars, window: int) -> float:
    return float(1 - b.low[-window:].min() / b.close[-1])


def dist_resistance(b: Bars, window: int) -> float:
    return float(b.high[-window:].max() / b.close[-1] - 1)


def buy_score(b: Bars) -> float:
    heavy_rise = vol_ratio(b) > 1.2 and b.close[-1] > b.close[-2]
    signals = (dist_support(b, 20) < 0.02, zscore(b, 20) < -1.5, reverting_up(b), heavy_rise)
    shapes = (hammer(b), bullish_engulfing(b), bullish_divergence(b))
    return float(np.mean([*signals, *shapes, b.close[-1] <= 1.01 * bands(b)[0]]))


def sell_score(b: Bars) -> float:
    heavy_fall = vol_ratio(b) > 1.2 and b.close[-1] < b.close[-2]
    signals = (dist_resistance(b, 20) < 0.02, zscore(b, 20) > 1.5, reverting_down(b), heavy_fall)
    shapes = (shooting_star(b), bearish_engulfing(b), bearish_divergence(b))
    return float(np.mean([*signals, *shapes, b.close[-1] >= 0.99 * bands(b)[2]]))


def adx(b: Bars) -> float:
    plus, minus = directional(b)
    return float(wilder(100 * np.abs(plus - minus) / (plus + minus))[-1])


def percentile_of_last(values: np.ndarray) -> float:
    return float((values[1:] < values[0]).mean())


FORMULAS: dict[str, Callable[[Bars], float]] = {
    "dist_support_20": lambda b: dist_support(b, 20),
    "dist_support_50": lambda b: dist_support(b, 50),
    "dist_support_100": lambda b: dist_support(b, 100),
    "dist_resistance_20": lambda b: dist_resistance(b, 20),
    "dist_resistance_50": lambda b: dist_resistance(b, 50),
    "dist_resistance_100": lambda b: dist_resistance(b, 100),
    "near_support_20": lambda b: dist_support(b, 20) < 0.02,
    "near_resistance_20": lambda b: dist_resistance(b, 20) < 0.02,
    "breakout_up_20": lambda b: b.close[-1] > b.high[-21:-1].max(),
    "breakout_down_20": lambda b: b.close[-1] < b.low[-21:-1].min(),
    "zscore_20": lambda b: zscore(b, 20),
    "zscore_50": lambda b: zscore(b, 50),
    "oversold_20": lambda b: zscore(b, 20) < -1.5,
    "overbought_20": lambda b: zscore(b, 20) > 1.5,
    "reverting_up_20": reverting_up,
    "reverting_down_20": reverting_down,
    "zscore_return_50": lambda b: returns(b, 1)[0] / rms(b, 50),
    "ma_distance_20": lambda b: (b.close[-1] - b.close[-20:].mean()) / atr(b),
    "return_autocorrelation_50": autocorrelation,
    "vol_ratio": vol_ratio,
    "vol_spike": lambda b: vol_ratio(b) > 1.5,
    "vol_bullish": lambda b: vol_ratio(b) > 1.2 and b.close[-1] > b.close[-2],
    "vol_bearish": lambda b: vol_ratio(b) > 1.2 and b.close[-1] < b.close[-2],
    "vol_low": lambda b: vol_ratio(b) < 0.7,
    "obv_slope_20": obv_slope,
    "money_flow_index_14": money_flow_index,
    "chaikin_money_flow_20": chaikin,
    "volume_trend_5_50": volume_trend,
    "body_pct": lambda b: wicks(b)[1] / b.open[-1],
    "hammer": hammer,
    "shooting_star": shooting_star,
    "doji": lambda b: wicks(b)[1] / b.open[-1] < 0.001,
    "bullish_engulfing": bullish_engulfing,
    "bearish_engulfing": bearish_engulfing,
    "upper_wick_share": lambda b: wicks(b)[0] / sum(wicks(b)),
    "lower_wick_share": lambda b: wicks(b)[2] / sum(wicks(b)),
    "close_location": lambda b: (b.close[-1] - b.low[-1]) / (b.high[-1] - b.low[-1]),
    "gap": lambda b: b.open[-1] / b.close[-2] - 1,
    "rsi": rsi,
    "bullish_divergence": bullish_divergence,
    "bearish_divergence": bearish_divergence,
    "rsi_change_5": lambda b: rsi(b) - rsi(before(b, 5)),
    "bb_width": bb_width,
    "bb_position": lambda b: (b.close[-1] - bands(b)[0]) / (bands(b)[2] - bands(b)[0]),
    "touch_lower_bb": lambda b: b.close[-1] <= 1.01 * bands(b)[0],
    "touch_upper_bb": lambda b: b.close[-1] >= 0.99 * bands(b)[2],
    "bb_squeeze": lambda b: bb_width(b) < np.quantile(history(bb_width, b, 50), 0.2),
    "bb_keltner_ratio": lambda b: (bands(b)[2] - bands(b)[1]) / (1.5 * atr(b)),
    "buy_score": buy_score,
    "sell_score": sell_score,
    "entry_score": lambda b: buy_score(b) - sell_score(b),
    "roc_5": lambda b: roc(b, 5),
    "roc_10": lambda b: roc(b, 10),
    "roc_20": lambda b: roc(b, 20),
    "momentum_accel_5": lambda b: roc(b, 5) - roc(before(b), 5),
    "momentum_start_5": lambda b: roc(b, 5) > roc(before(b), 5) and abs(roc(b, 5)) < 0.05,
    "risk_adjusted_roc_20": lambda b: risk_adjusted(b, 20),
    "risk_adjusted_roc_100": lambda b: risk_adjusted(b, 100),
    "ma_spread_10_50": lambda b: (b.close[-10:].mean() - b.close[-50:].mean()) / atr(b),
    "plus_di_14": lambda b: directional(b)[0][-1],
    "minus_di_14": lambda b: directional(b)[1][-1],
    "adx_14": adx,
    "trend_correlation_50": lambda b: np.corrcoef(np.arange(50), b.close[-50:])[0, 1],
    "efficiency_ratio_20": lambda b: (
        abs(b.close[-1] - b.close[-21]) / np.abs(np.diff(b.close[-21:])).sum()
    ),
    "atr_pct": atr_pct,
    "high_vol": lambda b: atr_pct(b) > np.quantile(history(atr_pct, b, 50), 0.7),
    "low_vol": lambda b: atr_pct(b) < np.quantile(history(atr_pct, b, 50), 0.3),
    "realised_vol_ratio_20_100": lambda b: rms(b, 20) / rms(b, 100),
    "parkinson_ratio_20": parkinson,
    "volatility_percentile_100": lambda b: percentile_of_last(history(atr_pct, b, 100)),
    "realised_skewness_100": lambda b: np.mean(returns(b, 100) ** 3) / rms(b, 100) ** 3,
    "downside_share_50": lambda b: (
        np.sum(np.minimum(returns(b, 50), 0) ** 2) / np.sum(returns(b, 50) ** 2)
    ),
}


@pytest.fixture(scope="module")
def walk() -> pl.DataFrame:
    return random_walks(1, BARS, seed=5)


@pytest.fixture(scope="module")
def computed(walk: pl.DataFrame) -> pl.DataFrame:
    return compute_features(walk)


def bars_until(walk: pl.DataFrame, row: int) -> Bars:
    names = ("open", "high", "low", "close", "volume")
    return Bars(**{name: walk[name].to_numpy()[: row + 1] for name in names})


def test_every_column_has_an_independent_formula() -> None:
    assert set(FORMULAS) == set(feature_names())


@pytest.mark.parametrize("name", feature_names())
def test_column_is_its_formula(walk: pl.DataFrame, computed: pl.DataFrame, name: str) -> None:
    rows = range(400, BARS, 7)

    expected = [float(FORMULAS[name](bars_until(walk, row))) for row in rows]

    got = computed[name].to_numpy()[list(rows)]
    scale = next(column.scale for column in FeatureSet.of("v6").columns if column.name == name)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 * scale)
