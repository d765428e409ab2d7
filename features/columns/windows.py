"""Windows over the bars of one symbol: what the columns are built from.

A window that reaches back before the first bar uses the bars there are, as the original does.
"""

import polars as pl

ROUNDING = 1e-9  # relative; a running window is exact to some 1e-14


def mean(values: pl.Expr, window: int) -> pl.Expr:
    """Mean of the last `window` bars."""
    return values.rolling_mean(window, min_samples=1)


def magnitude_mean(values: pl.Expr, window: int) -> pl.Expr:
    """Mean of values that are never negative: exactly 0 where they all are 0.

    A running sum keeps a rounding error, of either sign, from values that have left the window:
    no mean may lie above the largest value or below 0.
    """
    return pl.min_horizontal(mean(values, window), highest(values, window)).clip(0.0)


def deviation(values: pl.Expr, window: int) -> pl.Expr:
    """Sample standard deviation of the last `window` bars; 0 at the first bar."""
    return values.rolling_std(window, min_samples=1).fill_null(0.0)


def highest(values: pl.Expr, window: int) -> pl.Expr:
    """Largest of the last `window` bars."""
    return values.rolling_max(window, min_samples=1)


def lowest(values: pl.Expr, window: int) -> pl.Expr:
    """Smallest of the last `window` bars."""
    return values.rolling_min(window, min_samples=1)


def quantile(values: pl.Expr, share: float, window: int) -> pl.Expr:
    """Quantile of the last `window` bars, interpolated linearly."""
    return values.rolling_quantile(share, interpolation="linear", window_size=window, min_samples=1)


def clearly_below(values: pl.Expr, limits: pl.Expr) -> pl.Expr:
    """Whether positive values lie below the limits by more than rounding."""
    return values < limits * (1.0 - ROUNDING)


def clearly_above(values: pl.Expr, limits: pl.Expr) -> pl.Expr:
    """Whether positive values lie above the limits by more than rounding."""
    return values > limits * (1.0 + ROUNDING)


def percentile(values: pl.Expr, window: int) -> pl.Expr:
    """Share of the other bars of the window that lie below this one, ties halved: 0..1.

    Values that differ by rounding only are tied.
    """
    rounded = values.round_sig_figs(10)
    return (rounded.rolling_rank(window, "average", min_samples=1) - 1.0) / (window - 1)


def wilder(values: pl.Expr, period: int) -> pl.Expr:
    """Wilder's smoothing, a[t] = a[t-1] + (x[t] - a[t-1]) / period.

    Wilder (1978) seeds it with the mean of the first `period` values; here the weights of the
    bars there are sum to one, which differs by less than (1 - 1/period)^n after n bars.
    """
    return values.ewm_mean(alpha=1.0 / period, adjust=True)


def ratio(numerator: pl.Expr, denominator: pl.Expr, otherwise: float = 0.0) -> pl.Expr:
    """Quotient; `otherwise` where the denominator is not positive (flat price, no volume)."""
    return pl.when(denominator > 0.0).then(numerator / denominator).otherwise(otherwise)
