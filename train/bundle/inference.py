"""An exported policy as a function from observations to actions."""

import numpy as np
import numpy.typing as npt

from train.bundle.bundle import open_session
from train.policy.contract import INPUT_NAME, OUTPUT_NAME, Act


def likeliest(onnx: bytes) -> Act:
    """Raw full observations (B, D) f32 -> the likeliest action of each asset (B, A), as a bundle.

    For files that a bundle or a sealed checkpoint vouches for: nothing is checked here.
    """
    session = open_session(onnx)

    def act(observation: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        (logits,) = session.run([OUTPUT_NAME], {INPUT_NAME: observation})
        actions: npt.NDArray[np.int64] = np.argmax(logits, axis=2).astype(np.int64)
        return actions

    return act
