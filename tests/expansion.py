"""A compact observation written out in full, as a learner's network does on its own device."""

import numpy as np
from numpy.typing import NDArray


def expand(table: NDArray[np.float32], compact: NDArray[np.float32]) -> NDArray[np.float32]:
    """Full observations (B, A*F + A + 3) from a table (T, A*F) and compact ones (B, A + 4)."""
    rows = compact[:, 0].astype(np.int64)
    return np.concatenate([table[rows], compact[:, 1:]], axis=1)
