"""An exported policy as a function from observations to actions."""

import numpy as np

from envs.arrays import Float32, Int64
from train.bundle.bundle import open_session
from train.policy.contract import INPUT_NAME, OUTPUT_NAME, Act


def likeliest(onnx: bytes) -> Act:
    """Raw full observations (B, D) f32 -> the likeliest action of each asset (B, A), as a bundle.

    For files that a bundle or a sealed checkpoint vouches for: nothing is checked here.
    """
    session = open_session(onnx)

    def act(observation: Float32) -> Int64:
        (logits,) = session.run([OUTPUT_NAME], {INPUT_NAME: observation})
        actions: Int64 = np.argmax(logits, axis=2).astype(np.int64)
        return actions

    return act
