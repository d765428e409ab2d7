"""Rolling windows over stacked symbols, compiled: each pass sees every bar once.

Every kernel takes `values` (N,) f64 and `numbers` (N,) i32, how many bars the symbol has before
each: a 0 starts another symbol, and no window reaches back over it. No value is ever subtracted
from a running total, so that a window without trades sums to 0 exactly, whatever was there before.

Sums, extremes and deviations join two parts of a window: the bars since the last multiple of its
length, and what is left of the block before (van Herk 1992, Gil and Werman 1993, for extremes).
"""

import numpy as np
from numba import float64, int32, int64, njit
from numpy.typing import NDArray

Values = NDArray[np.float64]  # (N,)
Numbers = NDArray[np.int32]  # (N,)

_OUT = float64[::1]
_VALUES = float64[::1].copy(readonly=True)  # as Polars lends its memory
_NUMBERS = int32[::1].copy(readonly=True)


@njit(_OUT(_VALUES, _NUMBERS, int64), cache=True, nogil=True)
def rolling_mean(values: Values, numbers: Numbers, window: int) -> Values:
    """Mean of the last `window` bars, or of those there are."""
    found = np.empty(len(values))
    left = np.zeros(window + 1)  # sums of the block before, from each place to its end
    total, place = 0.0, 0
    for row in range(len(values)):
        if numbers[row] == 0:
            left[:] = 0.0
            total, place = 0.0, 0
        elif place == window:
            total = 0.0
            for place in range(window - 1, -1, -1):
                total += values[row - window + place]
                left[place] = total
            total, place = 0.0, 0
        total += values[row]
        place += 1
        found[row] = (left[place] + total) / min(numbers[row] + 1, window)
    return found


@njit(_OUT(_VALUES, _NUMBERS, int64, float64), cache=True, nogil=True)
def rolling_extreme(values: Values, numbers: Numbers, window: int, sign: float) -> Values:
    """Largest (sign 1) or smallest (sign -1) of the last `window` bars, or of those there are."""
    found = np.empty(len(values))
    left = np.full(window + 1, -np.inf)  # extremes of the block before, from each place to its end
    best, place = -np.inf, 0
    for row in range(len(values)):
        if numbers[row] == 0:
            left[:] = -np.inf
            best, place = -np.inf, 0
        elif place == window:
            best = -np.inf
            for place in range(window - 1, -1, -1):
                best = max(best, sign * values[row - window + place])
                left[place] = best
            best, place = -np.inf, 0
        best = max(best, sign * values[row])
        place += 1
        found[row] = sign * max(best, left[place])
    return found


@njit(_OUT(_VALUES, _NUMBERS, int64), cache=True, nogil=True)
def rolling_deviation(values: Values, numbers: Numbers, window: int) -> Values:
    """Sample standard deviation of the last `window` bars, or of those there are; 0 for one.

    Two parts are joined as in Chan, Golub and LeVeque 1983.
    """
    found = np.empty(len(values))
    left_mean, left_squares = np.zeros(window + 1), np.zeros(window + 1)
    mean, squares, place = 0.0, 0.0, 0
    for row in range(len(values)):
        if numbers[row] == 0:
            mean, squares, place = 0.0, 0.0, 0
        elif place == window:
            mean, squares = 0.0, 0.0
            for place in range(window - 1, -1, -1):
                step = values[row - window + place] - mean
                mean += step / (window - place)
                squares += step * (values[row - window + place] - mean)
                left_mean[place], left_squares[place] = mean, squares
            mean, squares, place = 0.0, 0.0, 0
        place += 1
        step = values[row] - mean
        mean += step / place
        squares += step * (values[row] - mean)
        if numbers[row] + 1 < window:
            found[row] = np.sqrt(squares / max(place - 1, 1))
        else:
            apart = left_mean[place] - mean if place < window else 0.0
            between = apart * apart * (place * (window - place) / window)
            rest = left_squares[place] if place < window else 0.0
            found[row] = np.sqrt((squares + rest + between) / (window - 1))
    return found


@njit(_OUT(_VALUES, _NUMBERS, int64, float64), cache=True, nogil=True)
def rolling_quantile(values: Values, numbers: Numbers, window: int, share: float) -> Values:
    """Quantile of the last `window` bars, or of those there are, interpolated linearly."""
    found = np.empty(len(values))
    ordered = np.full(window, np.inf)
    count = 0
    for row in range(len(values)):
        if numbers[row] == 0:
            ordered[:] = np.inf
            count = 0
        leaving = np.inf if count < window else values[row - window]
        count = min(count + 1, window)
        hole, place = 0, 0
        for other in range(window):  # counted, not searched for: no branch to mispredict
            hole += ordered[other] < leaving
            place += ordered[other] < values[row]
        if place > hole:
            place -= 1
            for other in range(hole, place):
                ordered[other] = ordered[other + 1]
        else:
            for other in range(hole, place, -1):
                ordered[other] = ordered[other - 1]
        ordered[place] = values[row]
        exact = share * (count - 1)
        below = int(exact)
        above = min(below + 1, count - 1)
        found[row] = ordered[below] + (exact - below) * (ordered[above] - ordered[below])
    return found


@njit(_OUT(_VALUES, _NUMBERS, int64, float64), cache=True, nogil=True)
def rolling_percentile(values: Values, numbers: Numbers, window: int, rounding: float) -> Values:
    """Number of bars of the last `window` that lie below this one, ties halved, / (window - 1).

    Values that differ by less than `rounding`, relatively, are tied. Counting beats a sorted
    window here: the loop over the window has no branches and takes several bars at a time.
    """
    found = np.empty(len(values))
    for row in range(len(values)):
        slack = rounding * abs(values[row])
        low, high = values[row] - slack, values[row] + slack
        others = values[row - min(numbers[row], window - 1) : row]
        twice = 0
        for other in range(len(others)):
            twice += (others[other] < low) + (others[other] <= high)
        found[row] = 0.5 * twice / (window - 1)
    return found


@njit(
    _OUT(_VALUES, _NUMBERS, int64), cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}
)
def rolling_time_covariance(values: Values, numbers: Numbers, window: int) -> Values:
    """Sum over the last `window` bars of (k - (window - 1) / 2) x[k], k from 0; 0 before them."""
    found = np.zeros(len(values))
    weights = np.arange(window) - 0.5 * (window - 1)
    for row in range(len(values)):
        if numbers[row] >= window - 1:
            within = values[row - window + 1 : row + 1]
            total = 0.0
            for place in range(window):
                total += weights[place] * within[place]
            found[row] = total
    return found


@njit(_OUT(_VALUES, _NUMBERS, float64), cache=True, nogil=True)
def smoothed(values: Values, numbers: Numbers, alpha: float) -> Values:
    """Mean with weights (1 - alpha)^age over all bars of the symbol up to this one."""
    found = np.empty(len(values))
    total, weight = 0.0, 0.0
    for row in range(len(values)):
        if numbers[row] == 0:
            total, weight = 0.0, 0.0
        total = values[row] + (1.0 - alpha) * total
        weight = 1.0 + (1.0 - alpha) * weight
        found[row] = total / weight
    return found
