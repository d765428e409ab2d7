"""Bars, bundles and requests for the trader's tests, as factories."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted_policy import ScriptedPolicy

from cluster.errors import PloutosError
from envs import V6Params
from features import AlignedTable
from trade.bars.bar_table import decision_id
from trade.orders.protection import Protection
from trade.risk.limits import RiskLimits
from trade.session.replay import ReplayRequest

__all__ = ["PloutosError", "busy_request"]  # what processes of their own use

BUNDLE_ID = "0123456789abcdef"
FREE = {"slippage_model": "none", "spread_bps": 0.0, "sec_fee": 0.0, "finra_taf": 0.0}


@dataclass(frozen=True)
class Manifest:
    symbols: tuple[str, ...]
    v6_params: dict[str, Any]
    bundle_id: str = BUNDLE_ID
    feature_set: str = "v6"
    feature_fingerprint: str = "none"


def _walk_table(
    bars: int = 60, assets: int = 4, seed: int = 0, sigma: float = 0.01, holes: float = 0.0
) -> AlignedTable:
    """Hourly bars, 7 a session, of geometric random walks with opening gaps."""
    random = np.random.default_rng(seed)
    shape = (bars, assets)
    close = 50.0 * np.exp(np.cumsum(random.normal(0, sigma, shape), axis=0))
    opening = np.vstack([close[:1], close[:-1]]) * np.exp(random.normal(0, sigma / 2, shape))
    tradable = random.random(shape) >= holes
    tradable[0] = True
    for bar in range(1, bars):
        rest = ~tradable[bar]
        close[bar, rest] = opening[bar, rest] = close[bar - 1, rest]
    reach = 1 + np.abs(random.normal(0, sigma / 2, shape)) * tradable
    day, hour = np.divmod(np.arange(bars), 7)
    ts = np.datetime64("2025-03-03T14:30", "us") + day * np.timedelta64(1, "D")
    return AlignedTable(
        ts=ts + hour * np.timedelta64(1, "h"),
        session=8800 + day,
        symbols=tuple(f"S{i}" for i in range(assets)),
        feature_names=("momentum", "noise"),
        open=opening,
        high=np.maximum(opening, close) * reach,
        low=np.minimum(opening, close) / reach,
        close=close,
        volume=np.where(tradable, random.integers(10_000, 1_000_000, shape), 0).astype(float),
        volatility=np.full(shape, sigma),
        tradable=tradable,
        features=random.normal(0, 1, (*shape, 2)).astype(np.float32),
    )


def _flat_table(bars: int, assets: int = 1, price: float = 100.0) -> AlignedTable:
    """Bars that stay at one price, for tests that set the few that matter."""
    table = _walk_table(bars, assets)
    for prices in (table.open, table.high, table.low, table.close):
        prices[:] = price
    return table


def _policy(table: AlignedTable, actions: dict[int, dict[str, int]], outages: tuple[int, ...] = ()):
    """A policy that plays actions by bar index and symbol."""
    rows = {}
    for bar, chosen in actions.items():
        row = np.zeros(len(table.symbols), np.int64)
        for symbol, action in chosen.items():
            row[table.symbols.index(symbol)] = action
        rows[decision_id(table, bar)] = row
    return ScriptedPolicy(BUNDLE_ID, rows, frozenset(decision_id(table, bar) for bar in outages))


def _request(
    table: AlignedTable,
    policy: Any,
    journal: Path,
    params: dict[str, Any] | None = None,
    **settings: Any,
) -> ReplayRequest:
    """A request over a table, free of costs; gate and protection are off unless given."""
    bundle = Manifest(
        table.symbols, V6Params.default(**(FREE if params is None else params)).to_dict()
    )
    chosen = {"limits": None, "protection": None, "label": "SIMULATED"} | settings
    return ReplayRequest(bars=None, bundle=bundle, policy=policy, journal=journal, **chosen)


def busy_request(
    journal: Path, *, resume: bool = False, limits: RiskLimits | None = None
) -> tuple[AlignedTable, ReplayRequest]:
    """A replay in which everything happens: fills, stops, denials and a halt."""
    table = _walk_table(bars=40, assets=4, seed=11, sigma=0.015, holes=0.05)
    rows = np.random.default_rng(2).choice([0, 1, 1, 2], (40, 4))
    actions = {
        bar: {s: int(a) for s, a in zip(table.symbols, row, strict=True)}
        for bar, row in enumerate(rows)
    }
    loose = RiskLimits(
        max_position=0.2,
        portfolio_risk=0.03,
        daily_loss=0.01,
        correlation_bars=20,
        min_correlation_bars=3,
    )
    ask = _request(
        table,
        _policy(table, actions),
        journal,
        {"slippage_model": "realistic", "max_trades_per_day": 50},
        limits=limits or loose,
        protection=Protection(0.02, 0.03),
        seed=4,
        resume=resume,
    )
    return table, ask


@pytest.fixture(scope="session", name="busy_request")
def _busy_request() -> Callable[..., tuple[AlignedTable, ReplayRequest]]:
    return busy_request


@pytest.fixture(scope="session")
def walk_table() -> Callable[..., AlignedTable]:
    return _walk_table


@pytest.fixture(scope="session")
def flat_table() -> Callable[..., AlignedTable]:
    return _flat_table


@pytest.fixture(scope="session")
def scripted() -> Callable[..., ScriptedPolicy]:
    return _policy


@pytest.fixture(scope="session")
def request_for() -> Callable[..., ReplayRequest]:
    return _request


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"
