"""How fast the environment steps, on one core, with random actions."""

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UsageError
from envs.adapters.vector import TradingVectorEnv
from envs.batch import Observation
from envs.market import Market
from envs.params import V6Params
from features.compute.feature_limit import FEATURE_LIMIT

BARS = 8_700  # five years of hourly bars
BARS_A_SESSION = 7
FEATURES = 64
DISTINCT_BATCHES = 16  # of random actions, drawn before the clock starts
SLICES = 5
SCALAR_FILE = Path("tests/envs/scalar_v6.py")


def bench_env(
    assets: int = 22,
    num_envs: int = 1024,
    seconds: float = 2.0,
    scalar_file: Path | None = SCALAR_FILE,
) -> dict[str, Any]:
    """Measure steps a second, an environment's step counting as one.

    Args:
        assets: A.
        num_envs: B.
        seconds: How long each of the three is measured.
        scalar_file: A Python file with a class `ScalarV6(market, params)` that has `reset(start)`
            and `step(actions)`: the yardstick. Without that file it reports None.

    Returns:
        `compact_steps_per_s`, `full_steps_per_s`, `scalar_steps_per_s`, `ratio` of compact to
        scalar, and what was measured: assets, num_envs, features, bars.

    Raises:
        UsageError: no assets, environments or time.
    """
    if assets < 1 or num_envs < 1 or seconds <= 0:
        raise UsageError("nothing to measure", "assets, num_envs and seconds must be positive")
    market = random_market(assets)
    compact = _vector_rate(market, num_envs, "compact", seconds)
    full = _vector_rate(market, num_envs, "full", seconds)
    scalar = _scalar_rate(market, scalar_file, seconds)
    return {
        "compact_steps_per_s": round(compact),
        "full_steps_per_s": round(full),
        "scalar_steps_per_s": None if scalar is None else round(scalar),
        "ratio": None if scalar is None else round(compact / scalar, 1),
        "assets": assets,
        "num_envs": num_envs,
        "features": FEATURES,
        "bars": BARS,
    }


def random_market(assets: int, bars: int = BARS, seed: int = 0) -> Market:
    """A random walk with random features: only the amount of work is realistic."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, 0.005, (bars, assets)).cumsum(axis=0))
    features = random.standard_normal((bars, assets, FEATURES), dtype=np.float32)
    return Market.from_arrays(
        close=close,
        open=close * np.exp(random.normal(0.0, 0.001, close.shape)),
        session=np.arange(bars) // BARS_A_SESSION,
        features=features.clip(-FEATURE_LIMIT, FEATURE_LIMIT),
    )


def _vector_rate(market: Market, num_envs: int, observation: Observation, seconds: float) -> float:
    env = TradingVectorEnv(market, V6Params.default(), num_envs, observation)
    shape = (DISTINCT_BATCHES, num_envs, market.num_assets)
    batches = np.random.default_rng(1).integers(0, 3, shape)
    env.reset(seed=1)
    env.step(batches[0])  # compiles, or loads the compiled kernel

    def sweep() -> int:
        for actions in batches:
            env.step(actions)
        return DISTINCT_BATCHES * num_envs

    return _rate(sweep, seconds)


def _scalar_rate(market: Market, file: Path | None, seconds: float) -> float | None:
    if file is None or not file.is_file():
        return None
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    env = module.ScalarV6(market, V6Params.default())
    batches = np.random.default_rng(1).integers(0, 3, (100, market.num_assets)).tolist()

    def sweep() -> int:
        env.reset(0)
        for actions in batches:
            env.step(actions)
        return len(batches)

    return _rate(sweep, seconds)


def _rate(sweep: Callable[[], int], seconds: float) -> float:
    """Steps a second of `sweep`, which returns how many it took: the best of five slices.

    Whatever else runs on the machine only ever slows a slice down.
    """
    return max(_slice_rate(sweep, seconds / SLICES) for _ in range(SLICES))


def _slice_rate(sweep: Callable[[], int], seconds: float) -> float:
    steps = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        steps += sweep()
    return steps / elapsed
