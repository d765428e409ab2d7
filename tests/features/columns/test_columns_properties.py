"""What holds for every column, whatever the bars: finite, past-only, scale-free, its own symbol."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from features.compute.catalog import FeatureSet, feature_names
from features.compute.compute import compute_features

PRICES = ("open", "high", "low", "close")
NAMES = feature_names()
SCALES = np.array([column.scale for column in FeatureSet.of("v6").columns])
USES_RSI = {
    "rsi",
    "rsi_change_5",
    "bullish_divergence",
    "bearish_divergence",
    "buy_score",
    "sell_score",
    "entry_score",
}
few_examples = settings(max_examples=15, deadline=None)

REGIMES = ("walk", "flat", "jump", "no volume", "one-sided", "thin")


@st.composite
def market(draw: st.DrawFn) -> pl.DataFrame:
    """Bars of one symbol: calm, flat, jumping, thin and unquoted stretches in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    regimes = draw(st.lists(st.sampled_from(REGIMES), min_size=1, max_size=6))
    start = draw(st.floats(0.01, 1e5))
    parts = [_stretch(regime, int(rng.integers(2, 130)), rng) for regime in regimes]
    steps, gaps, ranges, volume = (np.concatenate(values) for values in zip(*parts, strict=True))
    close = start * np.exp(np.cumsum(steps))
    open_ = np.concatenate([[start], close[:-1]]) * np.exp(gaps)
    bars = pl.DataFrame({"open": open_, "close": close, "volume": volume, "range": ranges})
    body = ("open", "close")
    return with_keys(
        bars.with_columns(
            high=pl.max_horizontal(body) * (1 + pl.col("range")),
            low=pl.min_horizontal(body) / (1 + pl.col("range")),
        )
    )


def _stretch(regime: str, bars: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Log returns, log gaps, relative half ranges and volumes of one stretch."""
    steps, gaps = rng.normal(0, 0.01, bars), rng.normal(0, 0.002, bars)
    ranges, volume = np.abs(rng.normal(0, 0.003, bars)), rng.lognormal(10, 2, bars)
    if regime == "flat":
        steps, gaps, ranges = (np.zeros(bars) for _ in range(3))
    elif regime == "jump":
        steps[0] = rng.choice([-1.5, 1.5])
    elif regime == "no volume":
        volume = np.zeros(bars)
    elif regime == "one-sided":
        steps = np.abs(steps) * rng.choice([-1.0, 1.0])
    elif regime == "thin":
        quoted = rng.random(bars) < 0.1
        steps, gaps, ranges = steps * quoted, np.zeros(bars), ranges * quoted
        volume = volume * quoted
    return steps, gaps, ranges, volume


def with_keys(bars: pl.DataFrame, symbol: str = "X") -> pl.DataFrame:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    clock = [start + timedelta(hours=hour) for hour in range(bars.height)]
    return bars.with_columns(symbol=pl.lit(symbol), ts=pl.Series(clock)).select(
        "symbol", "ts", *PRICES, "volume"
    )


def values(features: pl.DataFrame, names: tuple[str, ...] = NAMES) -> np.ndarray:
    return features.select(names).to_numpy()


@given(bars=market())
@few_examples
def test_every_value_is_finite_and_flags_are_0_or_1(bars: pl.DataFrame) -> None:
    features = compute_features(bars)

    assert np.isfinite(values(features)).all()
    for column in FeatureSet.of("v6").columns:
        if column.is_flag:
            assert set(features[column.name].unique()) <= {0.0, 1.0}


@given(bars=market())
@few_examples
def test_bounded_columns_stay_in_their_bounds(bars: pl.DataFrame) -> None:
    bounds = {
        "rsi": (0, 100),
        "money_flow_index_14": (0, 100),
        "adx_14": (0, 100),
        "close_location": (0, 1),
        "upper_wick_share": (0, 1),
        "lower_wick_share": (0, 1),
        "volatility_percentile_100": (0, 1),
        "downside_share_50": (0, 1),
        "buy_score": (0, 1),
        "sell_score": (0, 1),
        "entry_score": (-1, 1),
        "obv_slope_20": (-1, 1),
        "chaikin_money_flow_20": (-1, 1),
        "volume_trend_5_50": (-1, 1),
        "trend_correlation_50": (-1, 1),
    }

    features = compute_features(bars)

    for name, (low, high) in bounds.items():
        slack = 1e-9 * max(abs(low), abs(high))
        assert features[name].is_between(low - slack, high + slack).all(), name


@given(bars=market(), share=st.floats(0.05, 0.95))
@few_examples
def test_the_future_changes_nothing_before_it(bars: pl.DataFrame, share: float) -> None:
    rows = max(1, int(share * bars.height))

    whole = compute_features(bars)
    known = compute_features(bars.head(rows))

    assert known.equals(whole.head(rows))


@given(bars=market(), power=st.integers(-20, 20))
@few_examples
def test_a_price_scale_changes_nothing(bars: pl.DataFrame, power: int) -> None:
    """Powers of two scale floats without rounding, so that equal means equal."""
    names = tuple(name for name in NAMES if name not in USES_RSI)

    plain = compute_features(bars)
    scaled = compute_features(bars.with_columns(pl.col(PRICES) * 2.0**power))

    assert scaled.select(names).equals(plain.select(names))


@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 1000))
@few_examples
def test_any_price_scale_moves_values_by_rounding_only(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    bars = _walk(rng)

    plain = values(compute_features(bars))
    scaled = values(compute_features(bars.with_columns(pl.col(PRICES) * factor)))

    others = np.array([name not in USES_RSI for name in NAMES])
    moved = np.abs(plain - scaled) / np.maximum(np.abs(plain), SCALES)
    assert moved[:, others].max() < 1e-9
    assert moved[20:, NAMES.index("rsi")].max() < 1e-5


@given(bars=market(), power=st.integers(-20, 20))
@few_examples
def test_a_volume_scale_changes_nothing(bars: pl.DataFrame, power: int) -> None:
    plain = compute_features(bars)
    scaled = compute_features(bars.with_columns(pl.col("volume") * 2.0**power))

    assert scaled.equals(plain)


@given(first=market(), second=market())
@few_examples
def test_a_symbol_does_not_see_the_others(first: pl.DataFrame, second: pl.DataFrame) -> None:
    first, second = first.with_columns(symbol=pl.lit("A")), second.with_columns(symbol=pl.lit("B"))

    together = compute_features(pl.concat([first, second]))

    apart = pl.concat([compute_features(first), compute_features(second)])
    assert together.equals(apart)


def test_a_flat_price_without_volume_is_neutral() -> None:
    flat = pl.DataFrame(dict.fromkeys(PRICES, [50.0] * 400)).with_columns(volume=0.0)

    row = compute_features(with_keys(flat)).row(-1, named=True)

    neutral = {"close_location": 0.5, "money_flow_index_14": 50.0, "downside_share_50": 0.5}
    neutral |= {"volatility_percentile_100": 0.5}
    on = {"near_support_20", "near_resistance_20", "touch_lower_bb", "touch_upper_bb"}
    on |= {"doji", "vol_low"}
    scores = {"buy_score": 0.25, "sell_score": 0.25}
    expected = dict.fromkeys(NAMES, 0.0) | dict.fromkeys(on, 1.0) | neutral | scores
    assert {name: row[name] for name in NAMES} == expected


def _walk(rng: np.random.Generator) -> pl.DataFrame:
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 500)))
    open_ = close * np.exp(rng.normal(0, 0.005, 500))
    high = np.maximum(open_, close) * (1 + rng.uniform(0, 0.01, 500))
    low = np.minimum(open_, close) * (1 - rng.uniform(0, 0.01, 500))
    volume = rng.lognormal(10, 1, 500)
    return with_keys(
        pl.DataFrame({"open": open_, "high": high, "low": low, "close": close, "volume": volume})
    )
