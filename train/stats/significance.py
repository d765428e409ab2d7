"""How sure one can be of a Sharpe ratio: probabilistic, deflated, and by bootstrap.

Ratios are a day's unless a name says otherwise; D days, N trials.
Bailey and Lopez de Prado, The Sharpe Ratio Efficient Frontier (2012), J. of Risk 15(2);
Bailey and Lopez de Prado, The Deflated Sharpe Ratio (2014), J. of Portfolio Management 40(5);
Politis and Romano, The Stationary Bootstrap (1994), JASA 89(428).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from cluster.errors import DataError
from envs.arrays import Float64, Int32
from train.stats import metrics

EULER_MASCHERONI = float(np.euler_gamma)
REPETITIONS = 2000
LEVEL = 0.95
_NORMAL = NormalDist()
_PART = 2**22  # numbers that are resampled at a time


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Moments:
    """What the distribution of a Sharpe ratio's estimate depends on."""

    sharpe: float  # a day
    skewness: float  # 0 for a normal
    kurtosis: float  # 3 for a normal
    days: int

    @classmethod
    def of(cls, returns: Float64) -> "Moments":
        """Of daily returns (D,); a path that never moves counts as normal with ratio 0."""
        sharpe = metrics.sharpe_a_day(returns)
        if sharpe == 0.0:
            return cls(0.0, 0.0, 3.0, len(returns))
        centred = returns - returns.mean()
        spread = np.mean(centred**2)
        skewness = float(np.mean(centred**3) / spread**1.5)
        return cls(sharpe, skewness, float(np.mean(centred**4) / spread**2), len(returns))


def probabilistic_sharpe_ratio(moments: Moments, benchmark: float = 0.0) -> float:
    """Probability that the true ratio exceeds `benchmark` (a day).

    `Phi((SR - SR*) sqrt(D - 1) / sqrt(1 - skew SR + (kurtosis - 1)/4 SR^2))`, the PSR of
    Bailey and Lopez de Prado (2012).

    Raises:
        DataError: fewer than two days, or moments that no sample has.
    """
    variance = 1.0 - moments.skewness * moments.sharpe
    variance += (moments.kurtosis - 1.0) / 4.0 * moments.sharpe**2
    if moments.days < 2 or not variance > 0.0:
        raise DataError(
            f"no probability for a Sharpe ratio over {moments.days} days",
            f"its variance comes out as {variance:.3g}",
            "judge over a longer window",
        )
    deviations = (moments.sharpe - benchmark) * math.sqrt((moments.days - 1) / variance)
    # The normal distribution: erfc keeps the digits of a small probability, NormalDist.cdf does not
    return 0.5 * math.erfc(-deviations / math.sqrt(2.0))


def expected_maximum_sharpe(variance: float, trials: int) -> float:
    """The ratio that the best of `trials` trials without skill is expected to show.

    `sqrt(V) ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)))`, g the Euler-Mascheroni constant, Z the
    normal quantile; Bailey and Lopez de Prado (2014). 0 for a single trial.

    Args:
        variance: of the trials' ratios, in the units (squared) that the result comes in.
        trials: N >= 1.
    """
    if trials < 1 or variance < 0.0:
        raise DataError(f"{trials} trials with a variance of {variance}", "are no set of trials")
    if trials == 1:
        return 0.0
    upper = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    tail = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_MASCHERONI) * upper + EULER_MASCHERONI * tail)


def deflated_sharpe_ratio(moments: Moments, variance: float, trials: int) -> float:
    """Probability that the true ratio is positive, given that it is the best of `trials`.

    The probabilistic ratio against `expected_maximum_sharpe`; `variance` is that of the trials'
    ratios a day.
    """
    return probabilistic_sharpe_ratio(moments, expected_maximum_sharpe(variance, trials))


Statistic = Callable[[Float64], Float64]  # resamples (R, D) or (R, D, K) -> (R, M)


def stationary_bootstrap_intervals(
    returns: Float64,
    statistic: Statistic,
    *,
    level: float = LEVEL,
    repetitions: int = REPETITIONS,
    seed: int = 0,
) -> list[Interval]:
    """Percentile intervals of M numbers of daily returns, blocks of geometric length.

    Args:
        returns: (D,), or (D, K) for K paths resampled by the same days.
        statistic: of R resamples at once, (R, D) or (R, D, K) -> (R, M).
        level: coverage of each interval, 0..1.
        repetitions: resamples.
        seed: the same seed gives the same intervals.
    """
    days = drawn_days(len(returns), block_length(returns), repetitions, seed)
    drawn = in_parts(returns, days, statistic)  # (R, M)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)  # (M,) each
    return [Interval(*ends) for ends in zip(low.tolist(), high.tolist(), strict=True)]


def sharpe_interval(
    returns: Float64, *, level: float = LEVEL, repetitions: int = REPETITIONS, seed: int = 0
) -> Interval:
    """`stationary_bootstrap_intervals` of the Sharpe ratio a year of daily returns (D,)."""
    (interval,) = stationary_bootstrap_intervals(
        returns[:, None], metrics.sharpe_ratios, level=level, repetitions=repetitions, seed=seed
    )
    return interval


@lru_cache(maxsize=8)
def drawn_days(days: int, block: int, repetitions: int, seed: int) -> Int32:
    """Which days each resample of the stationary bootstrap is made of, (repetitions, days).

    All paths of a judgement are as long, and drawing takes longer than what is done with the draw.

    Args:
        days: D, of the path.
        block: mean length of a block, in days.
        repetitions: resamples.
        seed: of the draws.
    """
    from arch.bootstrap import StationaryBootstrap

    order = np.arange(days, dtype=np.int32)
    bootstrap = StationaryBootstrap(block, order, seed=np.random.default_rng(seed))
    drawn = np.stack([sample for (sample,), _ in bootstrap.bootstrap(repetitions)])
    drawn.flags.writeable = False  # it is handed out again
    return drawn


def in_parts(returns: Float64, days: Int32, statistic: Statistic) -> Float64:
    """`statistic` of the resamples that `days` (R, D) makes of `returns`, in parts of 32 MB."""
    size = max(1, _PART // returns.size)
    parts = [statistic(returns[days[at : at + size]]) for at in range(0, len(days), size)]
    return np.concatenate(parts)


def bootstrap_band(
    returns: Float64, *, level: float = LEVEL, repetitions: int = REPETITIONS, seed: int = 0
) -> tuple[Float64, Float64]:
    """Lower and upper end (D,) of the growth of 1, session by session, in resampled orders of days.

    Args:
        returns: (D,) daily.
        level: coverage at each session, 0..1.
        repetitions: resamples.
        seed: the same seed gives the same band.
    """

    def growth(samples: Float64) -> Float64:
        return np.cumprod(1.0 + samples, axis=1).astype(np.float64)

    ends = stationary_bootstrap_intervals(
        returns, growth, level=level, repetitions=repetitions, seed=seed
    )
    lows, highs = zip(*((end.low, end.high) for end in ends), strict=True)
    return np.asarray(lows, np.float64), np.asarray(highs, np.float64)


def sharpe_differences(paths: Float64) -> Float64:
    """Sharpe ratio a year of path 0 less that of each other; (..., D, K) -> (..., K - 1)."""
    ratios = metrics.sharpe_ratios(paths)
    differences: Float64 = ratios[..., :1] - ratios[..., 1:]
    return differences


def block_length(returns: Float64) -> int:
    """The longest of the columns' optimal mean block lengths, whole days, between 1 and D / 3.

    Politis and White, Automatic Block-Length Selection for the Dependent Bootstrap (2004),
    corrected by Patton, Politis and White (2009).
    """
    from arch.bootstrap import optimal_block_length

    columns = returns.reshape(len(returns), -1)
    moving = columns[:, np.ptp(columns, axis=0) > 0.0]
    if moving.shape[1] == 0:
        return 1
    length = float(optimal_block_length(moving)["stationary"].max())
    return min(max(math.ceil(length), 1), max(len(returns) // 3, 1))
