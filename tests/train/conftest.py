"""Small markets, policies of known weights, and scenarios that learn in seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import factories
from envs import Market, Window
from factories import BARS_A_DAY, FEATURES, SESSIONS, SYMBOLS, bundle_on, linear_policy, manifest
from features import feature_names
from train.bundle.manifest import ManifestFields
from train.learners.spec import LearnerSpec
from train.ledger.ledger import TrialRecord
from train.scenarios.scenario import PloutosConfig


@pytest.fixture
def policy_onnx() -> Callable[..., bytes]:
    """Makes an ONNX policy from weights (D, 3 A)."""
    return linear_policy


@pytest.fixture
def weights() -> np.ndarray[Any, Any]:
    """(D, 3 A) of the small market's policy."""
    size = len(SYMBOLS) * (len(FEATURES) + 1) + 3
    return np.random.default_rng(7).normal(size=(size, 3 * len(SYMBOLS)))


@pytest.fixture
def market() -> Market:
    """60 sessions of 7 hourly bars, 3 assets, 2 features; a seeded random walk."""
    random = np.random.default_rng(11)
    bars = SESSIONS * BARS_A_DAY
    close = 100.0 * np.exp(np.cumsum(random.normal(2e-4, 4e-3, (bars, 3)), axis=0))
    gaps = np.exp(random.normal(0.0, 1e-3, (bars, 3)))
    day, hour = np.divmod(np.arange(bars), BARS_A_DAY)
    clock = np.datetime64("2024-01-02T14:30") + (day * 1440 + hour * 60).astype("timedelta64[m]")
    return Market.from_arrays(
        close=close,
        open=np.vstack([close[:1], close[:-1]]) * gaps,
        session=day,
        ts=clock,
        volume=np.full((bars, 3), 1e6),
        volatility=np.full((bars, 3), 4e-3),
        features=random.normal(size=(bars, 3, 2)).clip(-5, 5).astype(np.float32),
        symbols=SYMBOLS,
        feature_names=FEATURES,
    )


@pytest.fixture
def stated() -> ManifestFields:
    """What the maker of a bundle for the small market states."""
    return manifest()


@pytest.fixture
def bundle(tmp_path: Path, market: Market, weights: np.ndarray[Any, Any]) -> Path:
    """A policy of known weights, made on the small market."""
    return bundle_on(market, tmp_path / "bundles", weights)


@pytest.fixture
def trial() -> Callable[..., TrialRecord]:
    """Makes a trial record; keywords replace its fields."""
    return factories.trial


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def sine_market() -> Market:
    """One price that swings with a period of 28 bars; the two features are its noisy phase."""
    rng = np.random.default_rng(0)
    phase = 2 * np.pi * np.arange(1400)[:, None] / 28
    close = 100 * np.exp(0.05 * np.sin(phase))
    features = np.stack([np.sin(phase), np.cos(phase)], axis=-1)
    return clocked(close, features + 0.2 * rng.standard_normal(features.shape), ("sine", "cosine"))


@pytest.fixture
def random_market() -> Market:
    """Three random walks; the columns of feature set v6 hold noise."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, (1400, 3)), axis=0))
    names = feature_names("v6")
    return clocked(close, rng.standard_normal((1400, 3, len(names))), names)


def clocked(close: np.ndarray, features: np.ndarray, names: tuple[str, ...]) -> Market:
    """Seven bars a session, one session a day."""
    bars = np.arange(len(close))
    hours = bars // 7 * 24 + bars % 7
    return Market.from_arrays(
        close=close,
        open=close,
        session=bars // 7,
        volume=np.full(close.shape, 1e7),
        volatility=np.full(close.shape, 0.005),
        features=features.clip(-10, 10),
        ts=np.datetime64("2020-01-01T14:30", "us") + hours.astype("timedelta64[h]"),
        symbols=[f"S{asset}" for asset in range(close.shape[1])],
        feature_names=names,
    )


@pytest.fixture
def small() -> Callable[..., PloutosConfig]:
    """Makes a scenario of 512 steps a rollout and a network of 32; takes training parameters."""

    def make(learner: str = "sb3", kind: str = "flat", **training: Any) -> PloutosConfig:
        values = PloutosConfig.from_yaml("demo").model_dump(mode="json")
        values["learner"] = learner
        sizes = {"n_envs": 16, "n_steps": 32, "batch_size": 128, "total_timesteps": 2048}
        values["training"] |= sizes | training
        values["network"] = {"kind": kind, "net_arch": [32]}
        values["environment"] |= {"slippage_model": "none", "max_steps": 200}
        values["folds"] |= {"train_sessions": 100, "validation_sessions": 20, "test_sessions": 20}
        values["search"] |= {"trials": 2}
        return PloutosConfig.model_validate(values)

    return make


@pytest.fixture
def make_spec(tmp_path: Path) -> Callable[..., LearnerSpec]:
    """Makes a learner's specification on a market saved below the test's own folder."""

    def make(market: Market, config: PloutosConfig, seed: int = 0) -> LearnerSpec:
        return LearnerSpec(
            config=config,
            market=market.save(tmp_path / "tables"),
            fingerprint=market.fingerprint,
            window=Window(0, 1000),
            seed=seed,
            log_folder=tmp_path / "board",
        )

    return make
