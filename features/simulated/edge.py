"""The edge that a simulated market can plant, and the trader who knows it.

The signal of a symbol at bar t is s = -clip(z, -3, 3), z being how many standard deviations its
close lies above the mean of the last `WINDOW` closes: the feature column `zscore_50`, negated. What
is planted is that a stretched price comes back: the log return from open to close of bar t + 1 has
the mean

    drift + c * sigma[t + 1] * s[t],       sigma: the bar's own standard deviation.

The knowing trader sees the close of bar t, takes the weights w = s / sum(|s|) (long and short,
gross exposure 1) at the open of bar t + 1 and keeps them until the open of bar t + 2, at no cost.
`edge` is the annualised Sharpe ratio of that trader, in expectation: c is chosen so that

    edge = sqrt(bars a year) * mean(sum(w c sigma s)) / std(sum(w r)),

where the mean is the planted one, not the lucky one of the sample, so that a short simulation
still scatters around `edge` by its sampling error (1 / sqrt(years)).
"""

from dataclasses import replace

import numpy as np

from cluster.errors import ConfigError
from features.simulated.shocks import Array, Shocks

WINDOW = 50  # bars
LIMIT = 3.0  # standard deviations
_ROUNDS = 3  # of calibration; the planted part moves the signal and the trader's risk but little


def plant(shocks: Shocks, edge: float, bars_a_year: int) -> Shocks:
    """Add the predictable component that is worth an annualised Sharpe ratio of `edge`.

    Raises:
        ConfigError: there are too few bars for the signal to show.
    """
    if edge == 0:
        return shocks
    if len(shocks.body) < 2 * WINDOW:
        why = f"it has {len(shocks.body)} bars, and the edge needs {2 * WINDOW}"
        raise ConfigError("the simulated market is too short", why, "take more sessions")
    planted = shocks
    for _ in range(_ROUNDS):
        coefficient = edge / np.sqrt(bars_a_year) * _risk_per_reward(planted)
        planted = _walk(shocks, coefficient)
    return planted


def knowing_returns(open_: Array, close: Array) -> Array:
    """Returns (T - WINDOW - 1,) of the trader who knows the edge, before costs.

    The first is that from the open of bar WINDOW to the next open.

    Args:
        open_: (T, A) USD.
        close: (T, A) USD.
    """
    signal = _signals(np.log(close))[:-2]
    gained = open_[WINDOW + 1 :] / open_[WINDOW:-1] - 1
    returns: Array = np.sum(_weights(signal) * gained, axis=1)
    return returns


def _weights(signal: Array) -> Array:
    weights: Array = signal / np.sum(np.abs(signal), axis=1, keepdims=True)
    return weights


def _signals(log_close: Array) -> Array:
    """Signal (T - WINDOW + 1, A) of bars WINDOW - 1 and later."""
    close = np.exp(log_close)
    return _signal(close[WINDOW - 1 :], _window_sums(close), _window_sums(close**2))


def _window_sums(values: Array) -> Array:
    sums = np.cumsum(values, axis=0)
    sums[WINDOW:] -= sums[:-WINDOW].copy()
    return sums[WINDOW - 1 :]


def _signal(close: Array, total: Array, squares: Array) -> Array:
    """Signal from the last close of a window, and the sums of its closes and of their squares."""
    mean = total / WINDOW
    variance = (squares - total * mean) / (WINDOW - 1)
    signal: Array = -np.clip((close - mean) / np.sqrt(variance), -LIMIT, LIMIT)
    return signal


def _walk(shocks: Shocks, coefficient: float) -> Shocks:
    """Let every bar's return depend on the closes before it, bar after bar."""
    body = shocks.body.copy()
    log_close = np.cumsum(shocks.gap + body, axis=0)
    close = np.exp(log_close)
    total, squares = close[:WINDOW].sum(axis=0), (close[:WINDOW] ** 2).sum(axis=0)
    for t in range(WINDOW, len(body)):
        body[t] += coefficient * shocks.sigma[t] * _signal(close[t - 1], total, squares)
        log_close[t] = log_close[t - 1] + shocks.gap[t] + body[t]
        close[t] = np.exp(log_close[t])
        total += close[t] - close[t - WINDOW]
        squares += close[t] ** 2 - close[t - WINDOW] ** 2
    return replace(shocks, body=body)


def _risk_per_reward(shocks: Shocks) -> float:
    """Standard deviation of the knowing trader's returns over its mean when c is 1."""
    log_close = np.cumsum(shocks.gap + shocks.body, axis=0)
    close, open_ = np.exp(log_close), np.exp(log_close - shocks.body)
    signal = _signals(log_close)[:-2]
    reward = np.sum(_weights(signal) * signal * shocks.sigma[WINDOW:-1], axis=1)
    return float(np.std(knowing_returns(open_, close)) / np.mean(reward))
