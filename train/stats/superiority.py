"""Hansen's test of superior predictive ability: is the excess over a baseline more than luck?

Hansen, A Test for Superior Predictive Ability (2005), J. of Business and Economic Statistics
23(4); library `arch`, which compares means as they are. Here they come divided by their standard
errors, as in the paper, so that a wild trial does not drown the others.
"""

import numpy as np

from envs.arrays import Float64
from train.stats.metrics import STILL
from train.stats.significance import REPETITIONS, block_length, drawn_days, in_parts


def superiority_p(
    candidate: Float64, baseline: Float64, trials: Float64, *, seed: int = 0
) -> float:
    """The p value that a gate may trust: the larger one of two tests against the baseline.

    Alone: the candidate earns no more a day than the baseline. Among the trials: none of all that
    were tried does, which takes the search into account.

    Args:
        candidate: (D,) daily returns.
        baseline: (D,), the same days.
        trials: (N, D) of all trials that cover these days; N may be 0.
        seed: of the stationary bootstrap.
    """
    excess = candidate - baseline
    alone = spa_p(excess[:, None], seed=seed)
    if len(trials) == 0:
        return alone
    return max(alone, spa_p(np.column_stack([excess, (trials - baseline).T]), seed=seed))


def spa_p(excess: Float64, *, seed: int = 0) -> float:
    """Consistent p value of "no column of `excess` (D, K) has a mean above 0".

    1 where no mean is above 0. 2,000 draws of the stationary bootstrap, mean block length by
    `train.stats.significance.block_length`.
    """
    moving = excess[:, np.std(excess, axis=0) > STILL]
    if moving.shape[1] == 0:
        return 0.0 if np.any(excess.mean(axis=0) > STILL) else 1.0
    if not np.any(moving.mean(axis=0) > 0.0):
        return 1.0
    block = block_length(moving)
    scaled = moving / np.sqrt(long_run_variance(moving, block))
    means = scaled.mean(axis=0)
    days = len(scaled)
    # Columns so far below 0 that they cannot matter are not brought up to it.
    limit = -np.sqrt(long_run_variance(scaled, block) / days * 2.0 * np.log(np.log(days)))
    draws = drawn_days(days, block, REPETITIONS, seed)
    drawn = in_parts(scaled, draws, lambda samples: samples.mean(axis=1))
    beyond = (drawn - np.where(means >= limit, means, 0.0)).max(axis=1) > means.max()
    return float(beyond.mean())


def long_run_variance(excess: Float64, block: int) -> Float64:
    """Variance of `sqrt(D) * mean` of each column (D, K) under the stationary bootstrap, (K,).

    Politis and Romano (1994): autocovariances weighted by
    `(1 - i/D) (1 - p)^i + i/D (1 - p)^(D - i)`, p = 1 / block.
    """
    days = len(excess)
    centred = excess - excess.mean(axis=0)
    lags = np.arange(1, days)
    keep = 1.0 - 1.0 / block
    weights = (1.0 - lags / days) * keep**lags + lags / days * keep ** (days - lags)
    spectrum = np.fft.rfft(centred, 2 * days, axis=0)
    products = np.fft.irfft(np.abs(spectrum) ** 2, 2 * days, axis=0)[:days] / days  # (D, K)
    variance: Float64 = products[0] + 2.0 * (weights @ products[1:])
    return variance
