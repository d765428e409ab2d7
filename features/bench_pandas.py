"""A third of the columns in plain pandas, one symbol at a time: what `bench features` beats.

Written as one would: vectorised `rolling` and `ewm`, nothing that calls Python for each bar. The
values are those of `compute_features` (tests compare them).
"""

from collections.abc import Callable
from typing import Any

Frame = Any  # pandas.DataFrame of one symbol
Column = Any  # pandas.Series


def _support(bars: Frame) -> dict[str, Column]:
    close = bars["close"]
    low, high = (bars[name].rolling for name in ("low", "high"))
    return {
        "dist_support_20": (close - low(20, min_periods=1).min()) / close,
        "dist_support_100": (close - low(100, min_periods=1).min()) / close,
        "dist_resistance_20": (high(20, min_periods=1).max() - close) / close,
        "breakout_up_20": close > high(20, min_periods=1).max().shift(1),
    }


def _reversion(bars: Frame) -> dict[str, Column]:
    close = bars["close"]
    window = close.rolling(20, min_periods=1)
    mean, deviation = window.mean(), window.std().fillna(0.0)
    zscore = ((close - mean) / (deviation + 1e-10 * mean)).where(deviation > 0, 0.0)
    before = zscore.shift(1)
    return {
        "zscore_20": zscore,
        "oversold_20": zscore < -1.5,
        "reverting_up_20": (before < -1.5) & (zscore > before),
        "bb_width": 4.0 * deviation / mean,
        "touch_lower_bb": close <= (mean - 2.0 * deviation) * 1.01,
    }


def _volume(bars: Frame) -> dict[str, Column]:
    volume, change = bars["volume"], bars["close"].diff().fillna(0.0)
    mean = volume.rolling(20, min_periods=1).mean()
    ratio = (volume / mean).where(mean > 0, 0.0)
    spread = bars["high"] - bars["low"]
    location = ((bars["close"] - bars["low"]) / spread).where(spread > 0, 0.5)
    flow = ((2.0 * location - 1.0) * volume).rolling(20, min_periods=1).mean()
    return {
        "vol_ratio": ratio,
        "vol_bullish": (ratio > 1.2) & (change > 0),
        "close_location": location,
        "chaikin_money_flow_20": (flow / mean).where(mean > 0, 0.0),
    }


def _momentum(bars: Frame) -> dict[str, Column]:
    close = bars["close"]
    change = close.diff().fillna(0.0)
    gain = change.clip(lower=0.0).rolling(14, min_periods=1).mean()
    loss = (-change).clip(lower=0.0).rolling(14, min_periods=1).mean()
    rsi = 100.0 - 100.0 / (1.0 + gain / (loss + 1e-8))
    return {
        "roc_5": close / close.shift(5) - 1.0,
        "roc_20": close / close.shift(20) - 1.0,
        "rsi": rsi,
        "bullish_divergence": (close < close.shift(10)) & (rsi > rsi.shift(10)),
    }


def _trend(bars: Frame) -> dict[str, Column]:
    up, down = bars["high"].diff(), -bars["low"].diff()
    ranges = _true_range(bars).ewm(alpha=1 / 14).mean()
    plus = 100.0 * up.where((up > down) & (up > 0), 0.0).ewm(alpha=1 / 14).mean() / ranges
    minus = 100.0 * down.where((down > up) & (down > 0), 0.0).ewm(alpha=1 / 14).mean() / ranges
    index = (100.0 * (plus - minus).abs() / (plus + minus)).fillna(0.0)
    return {"plus_di_14": plus, "minus_di_14": minus, "adx_14": index.ewm(alpha=1 / 14).mean()}


def _volatility(bars: Frame) -> dict[str, Column]:
    atr_pct = _true_range(bars).rolling(14, min_periods=1).mean() / bars["close"]
    window = atr_pct.rolling(50, min_periods=1)
    returns = bars["close"].pct_change().fillna(0.0)
    short, long = ((returns**2).rolling(n, min_periods=1).mean() ** 0.5 for n in (20, 100))
    rank = atr_pct.rolling(100, min_periods=1).rank()
    return {
        "atr_pct": atr_pct,
        "high_vol": atr_pct > window.quantile(0.7),
        "low_vol": atr_pct < window.quantile(0.3),
        "realised_vol_ratio_20_100": (short / long).where(long > 0, 0.0),
        "volatility_percentile_100": (rank - 1.0) / 99.0,
    }


def _true_range(bars: Frame) -> Column:
    import pandas as pd

    high, low, before = bars["high"], bars["low"], bars["close"].shift(1)
    reach = [high - low, (high - before).abs(), (low - before).abs()]
    return pd.concat(reach, axis=1).max(axis=1)


_FAMILIES: tuple[Callable[[Frame], dict[str, Column]], ...] = (
    _support,
    _reversion,
    _volume,
    _momentum,
    _trend,
    _volatility,
)


def pandas_features(bars: Frame) -> Frame:
    """The columns of every symbol, symbol by symbol.

    Args:
        bars: pandas frame with the columns of a bar, sorted by (symbol, ts).

    Returns:
        `symbol`, `ts` and the columns, f64, 0 where there is no value yet.
    """
    import pandas as pd

    found = []
    for _, own in bars.groupby("symbol", sort=False):
        columns = {name: column for family in _FAMILIES for name, column in family(own).items()}
        features = pd.DataFrame(columns, index=own.index).astype("float64").fillna(0.0)
        found.append(pd.concat([own[["symbol", "ts"]], features], axis=1))
    return pd.concat(found)
