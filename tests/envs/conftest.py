import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from envs.market import Market
from places import SHARED

MakeMarket = Callable[..., Market]
_NAMES = 9  # who may sit in a slot


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
    folder = SHARED / "golden"
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


@pytest.fixture(scope="session")
def make_slot_market(make_market: MakeMarket) -> MakeMarket:
    """Random markets of slots: names come, go, come back, change slots, and leave slots empty."""

    def make(bars: int = 60, assets: int = 3, seed: int = 0, **changes: Any) -> Market:
        own = make_market(bars=bars, assets=_NAMES, seed=seed, **changes)
        random = np.random.default_rng([seed, 1])
        occupant = np.empty((bars, assets), np.int64)
        for bar in range(bars):
            if bar == 0 or random.random() < 0.25:
                drawn = random.permutation(np.r_[np.arange(_NAMES), [-1] * assets])[:assets]
                kept = random.random(assets) < (0.5 if bar else 0.0)
                kept &= ~np.isin(occupant[bar - 1], drawn[~kept])
                free = ~kept & ~np.isin(drawn, occupant[bar - 1][kept])
                row = np.where(kept, occupant[bar - 1], np.where(free, drawn, -1))
            occupant[bar] = row
        seat = np.maximum(occupant, 0)
        taken, rows = occupant >= 0, np.arange(bars)[:, None]
        exit_price = np.zeros((bars, assets))
        leaves = (occupant[1:] != occupant[:-1]) & taken[:-1]
        exit_price[1:][leaves] = own.open[rows[1:], seat[:-1]][leaves]
        columns = {
            name: getattr(own, name)[rows, seat] * taken
            for name in ("close", "open", "volume", "volatility", "tradable")
        }
        return Market.from_arrays(
            **columns,
            session=own.session,
            features=own.features[rows, seat] * taken[..., None],
            occupant=occupant,
            exit_price=exit_price,
            names=own.symbols,
        )

    return make
