"""Every column of `v6` in plain pandas, one symbol at a time: what `bench features` beats.

Written as one would: vectorised `rolling` and `ewm`, nothing that calls Python for each bar, and
what several columns share computed once. The values are those of `compute_features` (tests compare
them).
"""

from collections.abc import Callable
from typing import Any

Frame = Any  # pandas.DataFrame of the bars of one symbol, and what the columns share
Column = Any  # pandas.Series


def _shared(own: Frame) -> Frame:
    """The bars with what several families use."""
    close = own["close"]
    returns = close.pct_change().fillna(0.0)
    spread = _true_range(own)
    return own.assign(
        change=close.diff().fillna(0.0),
        returns=returns,
        true_range=spread,
        atr=spread.rolling(14, min_periods=1).mean(),
        mean_20=close.rolling(20, min_periods=1).mean(),
        mean_50=close.rolling(50, min_periods=1).mean(),
        std_20=close.rolling(20, min_periods=1).std().fillna(0.0),
        std_50=close.rolling(50, min_periods=1).std().fillna(0.0),
        square_20=(returns**2).rolling(20, min_periods=1).mean(),
        square_50=(returns**2).rolling(50, min_periods=1).mean(),
        square_100=(returns**2).rolling(100, min_periods=1).mean(),
        location=_ratio(close - own["low"], own["high"] - own["low"], 0.5),
    )


def _true_range(bars: Frame) -> Column:
    import numpy as np

    before = bars["close"].shift(1)
    return np.fmax(bars["high"], before) - np.fmin(bars["low"], before)


def _ratio(numerator: Column, denominator: Column, otherwise: float = 0.0) -> Column:
    return (numerator / denominator).where(denominator > 0, otherwise)


def _support(bars: Frame) -> dict[str, Column]:
    close = bars["close"]
    low = {n: bars["low"].rolling(n, min_periods=1).min() for n in (20, 50, 100)}
    high = {n: bars["high"].rolling(n, min_periods=1).max() for n in (20, 50, 100)}
    support = {f"dist_support_{n}": (close - low[n]) / close for n in low}
    resistance = {f"dist_resistance_{n}": (high[n] - close) / close for n in high}
    return {
        **support,
        **resistance,
        "near_support_20": support["dist_support_20"] < 0.02,
        "near_resistance_20": resistance["dist_resistance_20"] < 0.02,
        "breakout_up_20": close > high[20].shift(1),
        "breakout_down_20": close < low[20].shift(1),
    }


def _reversion(bars: Frame) -> dict[str, Column]:
    close, returns = bars["close"], bars["returns"]
    zscore = {
        n: _ratio(close - bars[f"mean_{n}"], bars[f"std_{n}"] + 1e-10 * bars[f"mean_{n}"])
        for n in (20, 50)
    }
    before = zscore[20].shift(1)
    products = (returns * returns.shift(1).fillna(0.0)).rolling(49, min_periods=1).mean()
    return {
        "zscore_20": zscore[20],
        "zscore_50": zscore[50],
        "oversold_20": zscore[20] < -1.5,
        "overbought_20": zscore[20] > 1.5,
        "reverting_up_20": (before < -1.5) & (zscore[20] > before),
        "reverting_down_20": (before > 1.5) & (zscore[20] < before),
        "zscore_return_50": _ratio(returns, bars["square_50"] ** 0.5),
        "ma_distance_20": _ratio(close - bars["mean_20"], bars["atr"]),
        "return_autocorrelation_50": _ratio(products, bars["square_50"]),
    }


def _volume(bars: Frame) -> dict[str, Column]:
    import numpy as np

    volume, change = bars["volume"], bars["change"]
    mean = {n: volume.rolling(n, min_periods=1).mean() for n in (5, 20, 50)}
    share = _ratio(volume, mean[20])
    signed = (np.sign(change) * volume).rolling(20, min_periods=1).mean()
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3.0
    before = typical.shift(1)
    flow_in, flow_out = (
        (typical * volume).where(side, 0.0).rolling(14, min_periods=1).mean()
        for side in (typical > before * (1 + 1e-9), typical < before * (1 - 1e-9))
    )
    flow = ((2.0 * bars["location"] - 1.0) * volume).rolling(20, min_periods=1).mean()
    return {
        "vol_ratio": share,
        "vol_spike": share > 1.5,
        "vol_bullish": (share > 1.2) & (change > 0),
        "vol_bearish": (share > 1.2) & (change < 0),
        "vol_low": share < 0.7,
        "obv_slope_20": _ratio(signed, mean[20]),
        "money_flow_index_14": _ratio(100.0 * flow_in, flow_in + flow_out, 50.0),
        "chaikin_money_flow_20": _ratio(flow, mean[20]),
        "volume_trend_5_50": _ratio(mean[5] - mean[50], mean[5] + mean[50]),
    }


def _candles(bars: Frame) -> dict[str, Column]:
    open_, high, low, close = (bars[name] for name in ("open", "high", "low", "close"))
    rising, falling = close > open_, close < open_
    body, spread = (close - open_).abs(), high - low
    top, bottom = close.where(rising, open_), open_.where(rising, close)
    upper, lower = high - top, bottom - low
    open_before, close_before = open_.shift(1), close.shift(1)
    return {
        "body_pct": body / open_,
        "hammer": (lower > 2 * body) & (upper < 0.5 * body) & rising,
        "shooting_star": (upper > 2 * body) & (lower < 0.5 * body) & falling,
        "doji": body / open_ < 0.001,
        "bullish_engulfing": rising
        & (close_before < open_before)
        & (open_before < close)
        & (close_before > open_),
        "bearish_engulfing": falling
        & (close_before > open_before)
        & (open_before > close)
        & (close_before < open_),
        "upper_wick_share": _ratio(upper, spread),
        "lower_wick_share": _ratio(lower, spread),
        "close_location": bars["location"],
        "gap": open_ / close_before - 1.0,
    }


def _divergence(bars: Frame) -> dict[str, Column]:
    close, change = bars["close"], bars["change"]
    gain = change.clip(lower=0.0).rolling(14, min_periods=1).mean()
    loss = (-change).clip(lower=0.0).rolling(14, min_periods=1).mean()
    rsi = 100.0 - 100.0 / (1.0 + gain / (loss + 1e-8))
    return {
        "rsi": rsi,
        "bullish_divergence": (close < close.shift(10)) & (rsi > rsi.shift(10)),
        "bearish_divergence": (close > close.shift(10)) & (rsi < rsi.shift(10)),
        "rsi_change_5": rsi.diff(5),
    }


def _bollinger(bars: Frame) -> dict[str, Column]:
    close, middle, deviation = bars["close"], bars["mean_20"], bars["std_20"]
    lower, upper = middle - 2.0 * deviation, middle + 2.0 * deviation
    width = (upper - lower) / middle
    position = (close - lower) / (upper - lower + 1e-10 * middle)
    return {
        "bb_width": width,
        "bb_position": position.where(upper > lower, 0.0),
        "touch_lower_bb": close <= lower * 1.01,
        "touch_upper_bb": close >= upper * 0.99,
        "bb_squeeze": width < width.rolling(50, min_periods=1).quantile(0.2),
        "bb_keltner_ratio": _ratio(2.0 * deviation, bars["atr"]) / 1.5,
    }


def _momentum(bars: Frame) -> dict[str, Column]:
    close = bars["close"]
    roc = {n: close / close.shift(n) - 1.0 for n in (5, 10, 20, 100)}
    accel = roc[5].diff()
    mean_10 = close.rolling(10, min_periods=1).mean()
    return {
        "roc_5": roc[5],
        "roc_10": roc[10],
        "roc_20": roc[20],
        "momentum_accel_5": accel,
        "momentum_start_5": (accel > 0) & (roc[5].abs() < 0.05),
        "risk_adjusted_roc_20": _ratio(roc[20], bars["square_20"] ** 0.5) * 20**-0.5,
        "risk_adjusted_roc_100": _ratio(roc[100], bars["square_100"] ** 0.5) * 0.1,
        "ma_spread_10_50": _ratio(mean_10 - bars["mean_50"], bars["atr"]),
    }


def _trend(bars: Frame) -> dict[str, Column]:
    import pandas as pd

    close = bars["close"]
    up, down = bars["high"].diff(), -bars["low"].diff()
    ranges = bars["true_range"].ewm(alpha=1 / 14).mean()
    plus = 100.0 * up.where((up > down) & (up > 0), 0.0).ewm(alpha=1 / 14).mean() / ranges
    minus = 100.0 * down.where((down > up) & (down > 0), 0.0).ewm(alpha=1 / 14).mean() / ranges
    index = (100.0 * (plus - minus).abs() / (plus + minus)).fillna(0.0)
    time = pd.Series(range(len(bars)), index=bars.index, dtype="float64")
    steps = bars["change"].abs().rolling(20, min_periods=1).mean()
    return {
        "plus_di_14": plus,
        "minus_di_14": minus,
        "adx_14": index.ewm(alpha=1 / 14).mean(),
        "trend_correlation_50": close.rolling(50).corr(time),
        "efficiency_ratio_20": _ratio(close.diff(20).abs(), 20.0 * steps),
    }


def _volatility(bars: Frame) -> dict[str, Column]:
    import numpy as np

    returns = bars["returns"]
    atr_pct = bars["atr"] / bars["close"]
    window = atr_pct.rolling(50, min_periods=1)
    short, long = bars["square_20"] ** 0.5, bars["square_100"] ** 0.5
    inside = (np.log(bars["high"] / bars["low"]) ** 2).rolling(20, min_periods=1).mean()
    falls = (returns.clip(upper=0.0) ** 2).rolling(50, min_periods=1).mean()
    return {
        "atr_pct": atr_pct,
        "high_vol": atr_pct > window.quantile(0.7),
        "low_vol": atr_pct < window.quantile(0.3),
        "realised_vol_ratio_20_100": _ratio(short, long),
        "parkinson_ratio_20": _ratio((inside / (4.0 * np.log(2.0))) ** 0.5, short),
        "volatility_percentile_100": (atr_pct.rolling(100, min_periods=1).rank() - 1.0) / 99.0,
        "realised_skewness_100": _ratio(
            (returns**3).rolling(100, min_periods=1).mean(), bars["square_100"] ** 1.5
        ),
        "downside_share_50": _ratio(falls, bars["square_50"], 0.5),
    }


_BUY = [
    "near_support_20",
    "oversold_20",
    "reverting_up_20",
    "vol_bullish",
    "hammer",
    "bullish_engulfing",
    "bullish_divergence",
    "touch_lower_bb",
]
_SELL = [
    "near_resistance_20",
    "overbought_20",
    "reverting_down_20",
    "vol_bearish",
    "shooting_star",
    "bearish_engulfing",
    "bearish_divergence",
    "touch_upper_bb",
]
_FAMILIES: tuple[Callable[[Frame], dict[str, Column]], ...] = (
    _support,
    _reversion,
    _volume,
    _candles,
    _divergence,
    _bollinger,
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
        given = _shared(own)
        columns = {name: column for family in _FAMILIES for name, column in family(given).items()}
        features = pd.DataFrame(columns, index=own.index).astype("float64").fillna(0.0)
        features["buy_score"] = features[_BUY].mean(axis=1)
        features["sell_score"] = features[_SELL].mean(axis=1)
        features["entry_score"] = features["buy_score"] - features["sell_score"]
        found.append(pd.concat([own[["symbol", "ts"]], features], axis=1))
    return pd.concat(found)
