import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.errors import BundleError
from serve.endpoint import create_endpoint
from serve.schema import MAX_ASSETS, FaultEnvelope
from serve.service import PolicyService
from train.bundle.bundle import PolicyBundle

Question = dict[str, Any]
REMOVED = object()


def fault_of(response: Any) -> tuple[int, str]:
    """Status and code of an error, after checking that it is a whole envelope."""
    fault = FaultEnvelope.model_validate_json(response.content).error
    assert fault.what
    assert fault.next
    return response.status_code, fault.code


def put(question: Question, place: str, value: object) -> Question:
    """The question with one value changed, or removed; `place` is like account.cash."""
    *folders, name = place.split(".")
    target = question
    for folder in folders:
        target = target[folder]
    if value is REMOVED:
        del target[name]
    else:
        target[name] = value
    return question


def test_the_answer_is_that_of_the_bundle_on_the_one_layout(
    endpoint: TestClient, question: Question, bundle: Path
) -> None:
    # given: the observation, laid out by hand
    shares, account = [0.1, 0.2, 0.0], [0.7, 0.0, 10_000 / 110_000]
    features = np.ravel(question["features"]).tolist()
    row = np.array([[*features, *shares, *account]], np.float32)
    policy = PolicyBundle.load(bundle)

    # when
    response = endpoint.post("/v1/act", json=question)

    # then
    answer = response.json()
    assert response.status_code == 200
    assert answer["actions"] == policy.act(row)[0].tolist()
    np.testing.assert_allclose(answer["probabilities"], policy.probabilities(row)[0], rtol=1e-6)
    np.testing.assert_allclose(np.sum(answer["probabilities"], axis=1), 1.0, rtol=1e-6)
    assert answer["decision_id"] == "demo-0001"
    assert answer["bundle_id"] == policy.manifest.bundle_id
    assert answer["latency_ms"] > 0


def test_the_same_question_has_the_same_answer(endpoint: TestClient, question: Question) -> None:
    first, second = (endpoint.post("/v1/act", json=question).json() for _ in range(2))

    assert first["actions"] == second["actions"]
    assert first["probabilities"] == second["probabilities"]


def test_the_model_says_what_it_wants(endpoint: TestClient, bundle: Path) -> None:
    answer = endpoint.get("/v1/model").json()

    assert answer["bundle_id"] == bundle.name
    assert answer["symbols"] == ["XLK", "XLF", "XLE"]
    assert answer["feature_names"] == ["momentum", "volatility"]
    assert answer["data"]["label"] == "SIMULATED"


@pytest.mark.parametrize("place", ["symbols", "features", "account", "account.cash", "ts"])
def test_a_missing_field_is_refused(endpoint: TestClient, question: Question, place: str) -> None:
    response = endpoint.post("/v1/act", json=put(question, place, REMOVED))

    assert fault_of(response) == (422, "invalid_request")
    assert place.split(".")[-1] in response.json()["error"]["why"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("surprise", 1),
        ("account.surprise", 1),
        ("symbols", "XLK"),
        ("symbols", []),
        ("symbols", ["XLK", "XLF", ""]),
        ("symbols", ["XLK", "XLF", 3]),
        ("symbols", ["A"] * (MAX_ASSETS + 1)),
        ("features", [[0.5, -0.25], [1.0, 0.0]]),
        ("features", [[0.5, -0.25], [1.0, 0.0], [-3.0]]),
        ("features", [[0.5, -0.25], [1.0, 0.0], [-3.0, None]]),
        ("features", [[0.5, -0.25], [1.0, 0.0], [-3.0, "2.0"]]),
        ("features", [[0.5, -0.25], [1.0, 0.0], [-3.0, True]]),
        ("features", [[0.5, -0.25], [1.0, 0.0], [-3.0, 55.0]]),
        ("features", [[0.5, -0.25], [1.0, 0.0], []]),
        ("account.position_values", [1.0, 2.0]),
        ("account.cash", "70000"),
        ("account.equity", 0.0),
        ("account.peak", -1.0),
        ("account.initial_balance", 0),
        ("ts", "2026-01-05T15:30:00"),
        ("ts", "yesterday"),
        ("decision_id", ""),
        ("decision_id", "a b"),
        ("decision_id", "x" * 129),
        ("decision_id", 7),
        ("feature_fingerprint", ""),
    ],
)
def test_a_wrong_value_is_refused(
    endpoint: TestClient, question: Question, place: str, value: object
) -> None:
    assert fault_of(endpoint.post("/v1/act", json=put(question, place, value)))[0] == 422


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ["features", "account.cash", "account.equity"])
def test_a_number_that_is_not_finite_is_refused(
    endpoint: TestClient, question: Question, place: str, literal: str
) -> None:
    marked = [["MARK", 0.0], [1.0, 0.0], [0.0, 0.0]] if place == "features" else "MARK"
    body = json.dumps(put(question, place, marked)).replace('"MARK"', literal)

    response = endpoint.post("/v1/act", content=body, headers={"Content-Type": "application/json"})

    assert fault_of(response) == (422, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"a":' * 30_000,
        b'{"decision_id": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_body_that_is_no_request_is_refused(endpoint: TestClient, body: bytes) -> None:
    response = endpoint.post("/v1/act", content=body, headers={"Content-Type": "application/json"})

    assert fault_of(response)[0] in (400, 422)


def test_a_body_that_is_not_announced_as_json_is_refused(
    endpoint: TestClient, question: Question
) -> None:
    body = json.dumps(question)

    response = endpoint.post("/v1/act", content=body, headers={"Content-Type": "text/plain"})

    assert fault_of(response) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        ("feature_fingerprint", "0" * 64, "other_features"),
        ("symbols", ["XLF", "XLK", "XLE"], "other_symbols"),
        ("symbols", ["XLK", "XLF", "SPY"], "other_symbols"),
    ],
)
def test_a_question_for_another_policy_is_a_conflict(
    endpoint: TestClient, question: Question, place: str, value: object, code: str
) -> None:
    assert fault_of(endpoint.post("/v1/act", json=put(question, place, value))) == (409, code)


def test_rows_of_another_length_are_refused(endpoint: TestClient, question: Question) -> None:
    response = endpoint.post("/v1/act", json=put(question, "features", [[0.0] * 3] * 3))

    assert fault_of(response) == (422, "wrong_shape")
    assert response.json()["error"]["why"] == "they hold 3 numbers, not 2"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/act", (405, "wrong_method")),
        ("PUT", "/v1/act", (405, "wrong_method")),
        ("POST", "/v1/model", (405, "wrong_method")),
        ("POST", "/healthz", (405, "wrong_method")),
        ("GET", "/v2/act", (404, "no_such_path")),
        ("GET", "/docs", (404, "no_such_path")),
        ("GET", "/v1/act/../../etc/passwd", (404, "no_such_path")),
    ],
)
def test_a_wrong_method_or_path_is_refused(
    endpoint: TestClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert fault_of(endpoint.request(method, path)) == expected


def test_a_policy_that_gives_nan_gives_no_action(
    make_bundle: Callable[..., Path],
    weights: np.ndarray[Any, Any],
    service: PolicyService,
    endpoint: TestClient,
    question: Question,
) -> None:
    broken = weights.copy()
    broken[0, 4] = np.nan
    service.load(make_bundle(broken))

    response = endpoint.post("/v1/act", json=question)

    assert fault_of(response) == (500, "policy_failed")
    assert "actions" not in response.json()


def test_without_a_policy_the_endpoint_is_healthy_but_not_ready(question: Question) -> None:
    app = create_endpoint(PolicyService(), "t" * 43)

    with TestClient(app, headers={"Authorization": "Bearer " + "t" * 43}) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert fault_of(client.get("/readyz")) == (503, "not_ready")
        assert fault_of(client.get("/v1/model")) == (503, "not_ready")
        assert fault_of(client.post("/v1/act", json=question)) == (503, "not_ready")


def test_a_bad_bundle_leaves_the_present_one_in_place(
    service: PolicyService, endpoint: TestClient, bundle: Path, tmp_path: Path
) -> None:
    # given: a bundle with one byte changed
    tampered = tmp_path / bundle.name
    shutil.copytree(bundle, tampered)
    content = bytearray((tampered / "policy.onnx").read_bytes())
    content[100] ^= 1
    (tampered / "policy.onnx").write_bytes(content)

    # when
    with pytest.raises(BundleError, match="sha256"):
        service.load(tampered)

    # then
    assert endpoint.get("/readyz").json() == {"bundle_id": bundle.name}


def test_a_good_bundle_takes_over(
    service: PolicyService,
    endpoint: TestClient,
    question: Question,
    make_bundle: Callable[..., Path],
    weights: np.ndarray[Any, Any],
) -> None:
    other = make_bundle(-weights)

    service.load(other)

    assert endpoint.post("/v1/act", json=question).json()["bundle_id"] == other.name


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    features=st.lists(
        st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=2), min_size=3, max_size=3
    ),
    cash=st.floats(-1e9, 1e9),
    equity=st.floats(1.0, 1e9),
    values=st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3),
)
def test_every_valid_question_gets_a_whole_answer(
    endpoint: TestClient,
    question: Question,
    features: list[list[float]],
    cash: float,
    equity: float,
    values: list[float],
) -> None:
    account = question["account"] | {"cash": cash, "equity": equity, "position_values": values}

    response = endpoint.post("/v1/act", json=question | {"features": features, "account": account})

    assert response.status_code == 200
    assert set(response.json()["actions"]) <= {0, 1, 2}
    assert np.isfinite(response.json()["probabilities"]).all()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.sampled_from(
        ["symbols", "features", "account", "account.cash", "ts", "decision_id", "extra"]
    ),
    value=json_values,
)
def test_no_value_makes_the_endpoint_fail(
    endpoint: TestClient, question: Question, place: str, value: object
) -> None:
    changed = put(json.loads(json.dumps(question)), place, value)
    body = json.dumps(changed).encode()

    response = endpoint.post("/v1/act", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code in (200, 409, 422)
