"""The one layout of an observation: training, evaluation, serving and trading all call it.

Full: `[A x F features of bar t, asset by asset] + [A position shares] + [cash share, total return,
drawdown]`, `A*F + A + 3` float32. Compact: the same thing unexpanded, `[t] + [A + 3]`, `A + 4`.
"""

import numpy as np
from numpy.typing import ArrayLike

from envs.arrays import Float32

ACCOUNT_NUMBERS = 3  # cash share, total return, drawdown
MAX_EXACT_BAR = 2**24  # float32 holds every integer up to here, so a bar index travels exactly


def full_size(num_assets: int, num_features: int) -> int:
    """Numbers in a full observation."""
    return num_assets * num_features + num_assets + ACCOUNT_NUMBERS


def compact_size(num_assets: int) -> int:
    """Numbers in a compact observation."""
    return 1 + num_assets + ACCOUNT_NUMBERS


def account_tail(
    position_values: ArrayLike,
    cash: ArrayLike,
    equity: ArrayLike,
    peak: ArrayLike,
    initial_balance: float,
) -> Float32:
    """The account's part of an observation.

    Args:
        position_values: (..., A) f64, shares times close, USD.
        cash: (...), USD.
        equity: (...), the last one marked, USD.
        peak: (...), highest equity of the episode, USD.
        initial_balance: USD.

    Returns:
        (..., A + 3) f32: position shares 0..1, cash share 0..1, total return -1..5, drawdown 0..1.
    """
    values = np.asarray(position_values, np.float64)
    equity = np.asarray(equity, np.float64)
    tail = np.empty((*values.shape[:-1], values.shape[-1] + ACCOUNT_NUMBERS), np.float32)
    tail[..., :-3] = np.clip(values / equity[..., None], 0.0, 1.0)
    tail[..., -3] = np.clip(np.asarray(cash) / equity, 0.0, 1.0)
    tail[..., -2] = np.clip((equity - initial_balance) / initial_balance, -1.0, 5.0)
    tail[..., -1] = np.clip((np.asarray(peak) - equity) / np.asarray(peak), 0.0, 1.0)
    return tail


def lay_out(features: ArrayLike, tail: Float32) -> Float32:
    """Full observations from features (..., A, F) and account tails (..., A + 3)."""
    rows = np.asarray(features, np.float32)
    flat = rows.reshape(*rows.shape[:-2], rows.shape[-2] * rows.shape[-1])
    return np.concatenate([flat, tail], axis=-1, dtype=np.float32)
