import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from envs.market import Market

MakeMarket = Callable[..., Market]


@pytest.fixture(scope="session")
def scalar_v6() -> ModuleType:
    """The scalar oracle; loaded by path, as the bench does."""
    path = Path(__file__).with_name("scalar_v6.py")
    spec = importlib.util.spec_from_file_location("scalar_v6", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    folder = Path(__file__).parents[2].parent / "shared" / "golden"
    if not folder.is_dir():
        pytest.skip(f"the golden files are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def make_market() -> MakeMarket:
    """Random markets: volatile, with gaps in trading and late listings."""

    def make(
        bars: int = 60, assets: int = 3, features: int = 2, seed: int = 0, **changes: Any
    ) -> Market:
        random = np.random.default_rng(seed)
        moves = random.normal(0.0, changes.pop("volatility_of_bars", 0.02), (bars, assets))
        close = random.uniform(10.0, 400.0, assets) * np.exp(moves.cumsum(axis=0))
        tradable = random.random((bars, assets)) > changes.pop("share_of_gaps", 0.1)
        arrays: dict[str, Any] = {
            "close": close,
            "open": close * np.exp(random.normal(0.0, 0.005, close.shape)),
            "session": np.arange(bars) // 7,
            "volume": random.uniform(0.0, 1e5, close.shape),
            "volatility": random.uniform(0.0, 0.05, close.shape),
            "tradable": tradable,
            "features": random.uniform(-10, 10, (bars, assets, features)).astype(np.float32),
        }
        return Market.from_arrays(**(arrays | changes))

    return make
