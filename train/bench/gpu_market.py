"""A Market as one small file, to carry to a machine that has no data packages."""

import zipfile
from pathlib import Path

import numpy as np

from cluster.errors import DataError
from envs.market import Market
from envs.market_arrays import ARRAYS

MAX_BYTES = 40_000_000


def write_market(market: Market, file: Path) -> int:
    """Write all arrays, the features in half precision: they are within [-10, 10]; its bytes.

    Raises:
        DataError: the file would be larger than 40 MB.
    """
    arrays = market.arrays() | {"features": market.features.astype(np.float16)}
    np.savez_compressed(file, allow_pickle=False, **arrays)
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise DataError(f"{file} has {size:,} bytes", f"at most {MAX_BYTES:,} travel")
    return size


def read_market(file: Path) -> Market:
    """What `write_market` wrote.

    Raises:
        DataError: no such file, or no Market in it.
    """
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name in ARRAYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{file} is no market file",
            str(error),
            "write one with `python -m train.bench.gpu --make-market FILE.npz`",
        ) from error
    return Market.from_arrays(**arrays)


def simulated_market(symbols: int = 22, sessions: int = 1_260) -> Market:
    """Simulated hourly bars with the features of v6, five years of them; needs data packages."""
    from envs.from_bars import market_from_bars
    from features import SimulatedMarket

    return market_from_bars(SimulatedMarket(symbols=symbols, sessions=sessions).bars())
