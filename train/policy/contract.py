"""What every policy file takes and gives: one observation in, three logits an asset out."""

from collections.abc import Callable

import numpy as np

from envs.arrays import Float32, Int64

INPUT_NAME = "observation"  # (B, D) f32, raw full observation
OUTPUT_NAME = "logits"  # (B, A, 3) f32: HOLD, BUY, SELL

Act = Callable[[Float32], Int64]  # (B, D) raw full -> (B, A)


def softmax(logits: Float32) -> Float32:
    """Probabilities over the last axis, of the shape and the type of `logits`."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Float32 = weights / weights.sum(axis=-1, keepdims=True)
    return probabilities
