"""Tiny bundles, requests that fit them, and the endpoint inside this process."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from onnx import TensorProto, helper, numpy_helper

from serve.endpoint import create_endpoint
from serve.service import PolicyService
from train.bundle.bundle import save_bundle
from train.bundle.manifest import (
    DataSpan,
    Lineage,
    ManifestFields,
    Normalisation,
)
from train.policy.contract import INPUT_NAME, OUTPUT_NAME

TOKEN = "correct-token-of-more-than-thirty-two-characters"
SYMBOLS = ("XLK", "XLF", "XLE")
FEATURES = ("momentum", "volatility")
OBSERVATION = len(SYMBOLS) * len(FEATURES) + len(SYMBOLS) + 3  # D = 12
FINGERPRINT = "f" * 64
MOMENT = datetime(2026, 1, 2, 15, 30, tzinfo=UTC)

MakeBundle = Callable[[np.ndarray[Any, Any]], Path]


def linear_policy(weights: np.ndarray[Any, Any]) -> bytes:
    """ONNX of `logits = observation @ weights`, weights (D, 3 A)."""
    assets = weights.shape[1] // 3
    initial = [
        numpy_helper.from_array(weights.astype(np.float32), "weights"),
        numpy_helper.from_array(np.array([-1, assets, 3]), "shape"),
    ]
    nodes = [
        helper.make_node("MatMul", [INPUT_NAME, "weights"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], [OUTPUT_NAME]),
    ]
    start = helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["b", len(weights)])
    end = helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["b", assets, 3])
    graph = helper.make_graph(nodes, "policy", [start], [end], initial)
    opsets = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def manifest_fields() -> ManifestFields:
    return ManifestFields(
        scenario="demo",
        learner="sb3",
        feature_set="v6",
        feature_fingerprint=FINGERPRINT,
        feature_names=FEATURES,
        symbols=SYMBOLS,
        v6_params={},
        normaliser=Normalisation(mean=(0.0, 0.0), std=(1.0, 1.0)),
        data=DataSpan(
            label="SIMULATED", interval="1h", start=MOMENT, end=MOMENT, fingerprint="d", bars=7
        ),
        folds=(),
        lineage=Lineage(sweep="s", trial="t", seed=0, config={}),
        metrics={},
        problem="p",
        created=MOMENT,
    )


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
