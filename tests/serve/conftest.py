"""Tiny bundles, requests that fit them, and the endpoint inside this process."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from factories import FEATURES, SYMBOLS, linear_policy, manifest
from serve.endpoint import create_endpoint
from serve.service import PolicyService
from train.bundle.bundle import save_bundle
from train.bundle.manifest import (
    ManifestFields,
    Normalisation,
)

TOKEN = "correct-token-of-more-than-thirty-two-characters"
OBSERVATION = len(SYMBOLS) * len(FEATURES) + len(SYMBOLS) + 3  # D = 12
FINGERPRINT = "f" * 64
MOMENT = datetime(2026, 1, 2, 15, 30, tzinfo=UTC)

MakeBundle = Callable[[np.ndarray[Any, Any]], Path]


def manifest_fields() -> ManifestFields:
    scale = Normalisation(mean=(0.0, 0.0), std=(1.0, 1.0))
    return manifest(feature_fingerprint=FINGERPRINT, v6_params={}, normaliser=scale, folds=())


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory: pytest.TempPathFactory) -> MakeBundle:
    """Writes a bundle whose policy has these weights (D, 3 A); returns its folder."""
    folder = tmp_path_factory.mktemp("bundles")
    return lambda weights: save_bundle(folder, linear_policy(weights), None, manifest_fields())


@pytest.fixture(scope="session")
def weights() -> np.ndarray[Any, Any]:
    """(D, 3 A) of the policy of `bundle`."""
    return np.random.default_rng(3).normal(size=(OBSERVATION, 3 * len(SYMBOLS)))


@pytest.fixture(scope="session")
def bundle(make_bundle: MakeBundle, weights: np.ndarray[Any, Any]) -> Path:
    return make_bundle(weights)


@pytest.fixture
def service(bundle: Path) -> PolicyService:
    """A service with `bundle` loaded."""
    service = PolicyService()
    service.load(bundle)
    return service


@pytest.fixture
def endpoint(service: PolicyService) -> Iterator[TestClient]:
    """The endpoint with the token set, answering 500 instead of raising."""
    app = create_endpoint(service, TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def question() -> dict[str, Any]:
    """A request that fits `bundle`, as JSON values."""
    return {
        "feature_fingerprint": FINGERPRINT,
        "symbols": list(SYMBOLS),
        "features": [[0.5, -0.25], [1.0, 0.0], [-3.0, 2.0]],
        "account": {
            "cash": 70_000.0,
            "equity": 100_000.0,
            "peak": 110_000.0,
            "initial_balance": 100_000.0,
            "position_values": [10_000.0, 20_000.0, 0.0],
        },
        "ts": "2026-01-05T15:30:00+00:00",
        "decision_id": "demo-0001",
    }
