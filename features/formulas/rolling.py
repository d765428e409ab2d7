"""Windows over the bars of each symbol: what the columns are built from.

Formulas run over the bars of many symbols, one after the other: whatever looks at another bar goes
through these functions, which stay within the symbol by its `bar_number`. A window that reaches
back before the first bar uses the bars there are, as the original does. Values have no nulls.
"""

from collections.abc import Sequence
from functools import partial

import polars as pl

ROUNDING = 1e-9  # relative; a rolling window is exact to some 1e-14
BAR_NUMBER = pl.col("bar_number")  # i32, how many bars the symbol has before this one


def before(values: pl.Expr, bars: int) -> pl.Expr:
    """The value `bars` bars ago; null where there is none."""
    return pl.when(bars <= BAR_NUMBER).then(values.shift(bars))


def change(values: pl.Expr, bars: int = 1) -> pl.Expr:
    """Value minus the value `bars` bars ago; null where there is none."""
    return values - before(values, bars)


def mean(values: pl.Expr, window: int) -> pl.Expr:
    """Mean of the last `window` bars; of values that are never negative, 0 only if all are 0."""
    return _rolling("rolling_mean", values, window)


def deviation(values: pl.Expr, window: int) -> pl.Expr:
    """Sample standard deviation of the last `window` bars; 0 at the first bar."""
    return _rolling("rolling_deviation", values, window)


def highest(values: pl.Expr, window: int) -> pl.Expr:
    """Largest of the last `window` bars."""
    return _rolling("rolling_extreme", values, window, 1.0)


def lowest(values: pl.Expr, window: int) -> pl.Expr:
    """Smallest of the last `window` bars."""
    return _rolling("rolling_extreme", values, window, -1.0)


def quantile(values: pl.Expr, share: float, window: int) -> pl.Expr:
    """Quantile of the last `window` bars, interpolated linearly."""
    return _rolling("rolling_quantile", values, window, share)


def percentile(values: pl.Expr, window: int) -> pl.Expr:
    """Share of the other bars of the window that lie below this one, ties halved: 0..1.

    Values that differ by rounding only are tied.
    """
    return _rolling("rolling_percentile", values, window, ROUNDING)


def time_covariance(values: pl.Expr, window: int) -> pl.Expr:
    """Sum over `window` bars of (k - their mean) x[k], k the bar's number; 0 before them."""
    return _rolling("rolling_time_covariance", values, window)


def wilder(values: pl.Expr, period: int) -> pl.Expr:
    """Wilder's smoothing, a[t] = a[t-1] + (x[t] - a[t-1]) / period.

    Wilder (1978) seeds it with the mean of the first `period` values; here the weights of the
    bars there are sum to one, which differs by less than (1 - 1/period)^n after n bars.
    """
    return _rolling("smoothed", values, 1.0 / period)


def clearly_below(values: pl.Expr, limits: pl.Expr) -> pl.Expr:
    """Whether positive values lie below the limits by more than rounding."""
    return values < limits * (1.0 - ROUNDING)


def clearly_above(values: pl.Expr, limits: pl.Expr) -> pl.Expr:
    """Whether positive values lie above the limits by more than rounding."""
    return values > limits * (1.0 + ROUNDING)


def ratio(numerator: pl.Expr, denominator: pl.Expr, otherwise: float = 0.0) -> pl.Expr:
    """Quotient; `otherwise` where the denominator is not positive (flat price, no volume)."""
    return pl.when(denominator > 0.0).then(numerator / denominator).otherwise(otherwise)


def _rolling(kernel: str, values: pl.Expr, *settings: float) -> pl.Expr:
    run = partial(_run, kernel, settings)
    return pl.map_batches([values, BAR_NUMBER], run, return_dtype=pl.Float64())


def _run(kernel: str, settings: tuple[float, ...], series: Sequence[pl.Series]) -> pl.Series:
    from features.formulas import kernels  # compiles or loads its functions: a second

    values, numbers = (part.to_numpy() for part in series)
    return pl.Series(getattr(kernels, kernel)(values, numbers, *settings))
