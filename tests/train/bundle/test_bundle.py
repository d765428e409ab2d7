"""Bundles: what was saved comes back, and nothing else is let in."""

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cluster.errors import BundleError, DataError
from cluster.files import canonical_json, sha256_of
from factories import verdict
from train import PolicyBundle
from train.bundle.bundle import (
    latest_bundle,
    list_bundles,
    read_manifest,
    save_bundle,
    update_verdict,
)
from train.bundle.manifest import ManifestFields, bundle_id_of

VERDICT = verdict()


@pytest.fixture
def bundle(
    tmp_path: Path,
    weights: np.ndarray,
    stated: ManifestFields,
    policy_onnx: Callable[..., bytes],
) -> Path:
    folder = save_bundle(tmp_path / "bundles", policy_onnx(weights), b"a zip", stated)
    update_verdict(folder, VERDICT)
    return folder


@pytest.fixture
def observation() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the manifest the way a forger would: with a right id and right hashes."""
    path = folder / "manifest.json"
    values = json.loads(path.read_bytes()) | changes
    if "files" not in changes:
        values["files"] = {name: sha256_of(folder / name) for name in values["files"]}
    path.write_bytes(canonical_json(values | {"bundle_id": bundle_id_of(values)}))
    for name in ("verdict.json", "card.md"):
        (folder / name).unlink(missing_ok=True)


def test_a_saved_policy_acts_as_its_weights_say(
    bundle: Path, weights: np.ndarray, observation: np.ndarray
) -> None:
    policy = PolicyBundle.load(bundle)

    logits = (observation @ weights.astype(np.float32)).reshape(5, 3, 3)
    np.testing.assert_allclose(policy.logits(observation), logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(policy.act(observation), logits.argmax(axis=2))
    assert policy.act(observation).dtype == np.int64


def test_probabilities_are_the_softmax(bundle: Path, observation: np.ndarray) -> None:
    policy = PolicyBundle.load(bundle)

    shares = policy.probabilities(observation)

    powers = np.exp(policy.logits(observation).astype(np.float64))
    np.testing.assert_allclose(shares, powers / powers.sum(axis=2, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=2), 1.0, rtol=1e-6)


def test_the_manifest_and_the_verdict_come_back(bundle: Path, stated: ManifestFields) -> None:
    policy = PolicyBundle.load(bundle)

    assert policy.manifest.model_dump(include=set(ManifestFields.model_fields)) == (
        stated.model_dump()
    )
    assert bundle.name == policy.manifest.bundle_id
    assert policy.manifest.observation_size == 12
    assert policy.verdict == VERDICT


def test_judging_leaves_the_policy_and_its_id_alone(bundle: Path) -> None:
    before = (bundle / "manifest.json").read_bytes()

    update_verdict(bundle, VERDICT.model_copy(update={"label": "BETTER", "reasons": ()}))

    assert (bundle / "manifest.json").read_bytes() == before
    verdict = PolicyBundle.load(bundle).verdict
    assert verdict is not None
    assert verdict.better


def test_saving_the_same_twice_keeps_the_first(
    bundle: Path, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> None:
    inode = bundle.stat().st_ino

    again = save_bundle(bundle.parent, policy_onnx(weights), b"a zip", stated)

    assert again == bundle
    assert again.stat().st_ino == inode
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def test_the_newest_bundle_is_found(
    bundle: Path, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> None:
    later = stated.model_copy(update={"created": stated.created.replace(year=2027)})

    newer = save_bundle(bundle.parent, policy_onnx(weights), None, later)

    assert list_bundles(bundle.parent) == [newer, bundle]
    assert latest_bundle(bundle.parent) == newer
    assert sorted(path.name for path in newer.iterdir()) == [
        "card.md",
        "manifest.json",
        "policy.onnx",
    ]


def test_no_bundle_tells_how_to_make_one(tmp_path: Path) -> None:
    assert list_bundles(tmp_path / "none") == []
    with pytest.raises(BundleError, match="ploutos demo"):
        latest_bundle(tmp_path)
    with pytest.raises(BundleError, match="no bundle at"):
        PolicyBundle.load(tmp_path / "none")


@pytest.mark.parametrize(
    "name", ["manifest.json", "policy.onnx", "sb3.zip", "verdict.json", "card.md"]
)
@pytest.mark.parametrize("harm", ["flip", "truncate", "empty", "link"])
def test_a_harmed_file_is_refused(bundle: Path, name: str, harm: str) -> None:
    path = bundle / name
    data = bytearray(path.read_bytes())
    if harm == "link":
        target = path.rename(bundle.parent / "elsewhere")
        path.symlink_to(target)
    else:
        data[len(data) // 2] ^= 0x01
        path.write_bytes({"flip": data, "truncate": data[:-1], "empty": b""}[harm])

    with pytest.raises(BundleError):
        PolicyBundle.load(bundle)


@pytest.mark.parametrize("name", ["manifest.json", "policy.onnx", "sb3.zip"])
def test_a_missing_file_is_refused(bundle: Path, name: str) -> None:
    (bundle / name).unlink()

    with pytest.raises(BundleError, match=f"{name} is missing"):
        PolicyBundle.load(bundle)


@pytest.mark.parametrize("name", ["model.pkl", "policy.onnx.data", "weights.pt", ".hidden"])
def test_an_extra_file_is_refused(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"x")

    with pytest.raises(BundleError, match=f"it holds '{name}'"):
        PolicyBundle.load(bundle)


def test_an_extra_folder_is_refused(bundle: Path) -> None:
    (bundle / "sub").mkdir()

    with pytest.raises(BundleError, match="it holds 'sub'"):
        PolicyBundle.load(bundle)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": 2},
        {"schema_version": "1"},
        {"unknown": 1},
        {"symbols": ["XLK", "XLK", "XLE"]},
        {"symbols": []},
        {"feature_names": ["momentum"]},
        {"normaliser": {"mean": [0.0, 0.0], "std": [1.0, 0.0]}},
        {"files": {}},
        {"files": {"../../outside": "0" * 64, "policy.onnx": "0" * 64}},
        {"files": {"/etc/hostname": "0" * 64, "policy.onnx": "0" * 64}},
        {"files": {"policy.onnx": "short"}},
        {"created": "yesterday"},
        {"created": "2026-11-22T10:00:00"},
    ],
)
def test_a_forged_manifest_is_refused(bundle: Path, changes: dict[str, Any]) -> None:
    rewrite(bundle, **changes)

    with pytest.raises(BundleError):
        PolicyBundle.load(bundle)


def test_hashes_are_no_signature(bundle: Path) -> None:
    # The control of the test above: what is refused there is the content, not the rewriting.
    rewrite(bundle, scenario="forged")

    assert PolicyBundle.load(bundle).manifest.scenario == "forged"


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"metrics": NaN}'])
def test_what_is_no_manifest_is_refused(bundle: Path, text: bytes) -> None:
    (bundle / "manifest.json").write_bytes(text)

    with pytest.raises(BundleError, match="manifest of"):
        PolicyBundle.load(bundle)


def test_the_verdict_of_another_bundle_is_refused(
    bundle: Path, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> None:
    other = save_bundle(bundle.parent, policy_onnx(weights), None, stated)

    (other / "verdict.json").write_bytes((bundle / "verdict.json").read_bytes())

    with pytest.raises(BundleError, match=f"it judges bundle {bundle.name}"):
        PolicyBundle.load(other)


def test_a_verdict_turned_to_better_is_refused(bundle: Path) -> None:
    path = bundle / "verdict.json"

    path.write_bytes(path.read_bytes().replace(b"NOT BETTER", b"BETTER"))

    with pytest.raises(BundleError, match="changed after it was written"):
        PolicyBundle.load(bundle)


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["policy.onnx", "sb3.zip"])
def test_a_pickle_is_never_opened(bundle: Path, tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    poison = pickle.dumps(Canary(canary))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("data", poison)
    (bundle / name).write_bytes(poison if name == "policy.onnx" else zipped.getvalue())
    rewrite(bundle)

    try:
        PolicyBundle.load(bundle)
    except BundleError:
        assert name == "policy.onnx"

    assert not canary.exists()


def with_operator(operator: str, domain: str = "") -> Callable[[Any], Any]:
    def edit(model: Any) -> Any:
        model.graph.node[0].op_type = operator
        model.graph.node[0].domain = domain
        return model

    return edit


def with_external_data(model: Any) -> Any:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return model


def with_subgraph(model: Any) -> Any:
    empty = helper.make_graph([], "inner", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("body", empty))
    return model


def with_function(model: Any) -> Any:
    model.functions.add(name="Mine", domain="mine")
    return model


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"edit": with_operator("Loop")}, "ai.onnx.Loop is not allowed"),
        ({"edit": with_operator("Expand")}, "Expand is not allowed"),
        ({"edit": with_operator("Gemm", "com.microsoft")}, "com.microsoft.Gemm is not allowed"),
        ({"edit": with_external_data}, "points to data outside"),
        ({"edit": with_subgraph}, "holds a graph of its own"),
        ({"edit": with_function}, "holds functions"),
        ({"output": "actions"}, r"outputs are \['actions'\]"),
        ({"batch": 4}, "input is not float32 of shape"),
    ],
)
def test_a_model_outside_the_rules_is_refused(
    tmp_path: Path,
    weights: np.ndarray,
    stated: ManifestFields,
    policy_onnx: Callable[..., bytes],
    changes: dict[str, Any],
    told: str,
) -> None:
    with pytest.raises(BundleError, match=told):
        save_bundle(tmp_path / "bundles", policy_onnx(weights, **changes), None, stated)

    assert not (tmp_path / "bundles").exists()


def test_a_forger_meets_the_same_rules_when_loading(
    bundle: Path, weights: np.ndarray, policy_onnx: Callable[..., bytes]
) -> None:
    (bundle / "policy.onnx").write_bytes(policy_onnx(weights, edit=with_operator("Scan")))
    rewrite(bundle)

    with pytest.raises(BundleError, match=r"ai\.onnx\.Scan is not allowed"):
        PolicyBundle.load(bundle)


def test_a_model_for_other_sizes_is_refused(
    tmp_path: Path, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> None:
    with pytest.raises(BundleError, match=r"\(any, 12\) but \(any, 11\)"):
        save_bundle(tmp_path, policy_onnx(weights[:-1]), None, stated)
    with pytest.raises(BundleError, match=r"\(any, 3, 3\) but \(any, 2, 3\)"):
        save_bundle(tmp_path, policy_onnx(weights[:, :6]), None, stated)


def test_a_model_over_50_mb_is_refused(bundle: Path) -> None:
    with (bundle / "policy.onnx").open("r+b") as file:
        file.truncate((50 << 20) + 1)

    with pytest.raises(BundleError, match="over 50 MB"):
        PolicyBundle.load(bundle)


def test_a_bundle_for_other_features_or_symbols_is_refused(bundle: Path) -> None:
    loaded = PolicyBundle.load(bundle, expect_symbols=["XLK", "XLF", "XLE"])
    loaded.manifest.check_features("ab" * 32)

    with pytest.raises(BundleError, match=r"other features: .* abababababababab, here cdcdcdcd"):
        loaded.manifest.check_features("cd" * 32)
    with pytest.raises(BundleError, match="XLK, XLF, XLE, not XLF, XLK, XLE"):
        PolicyBundle.load(bundle, expect_symbols=["XLF", "XLK", "XLE"])


def test_an_output_that_is_not_finite_is_refused(
    tmp_path: Path,
    weights: np.ndarray,
    stated: ManifestFields,
    policy_onnx: Callable[..., bytes],
    observation: np.ndarray,
) -> None:
    weights[4, 2] = np.nan
    policy = PolicyBundle.load(save_bundle(tmp_path, policy_onnx(weights), None, stated))

    with pytest.raises(BundleError, match="not finite"):
        policy.act(observation)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda given: given[0], "not a batch"),
        (lambda given: given.astype(np.float64), "float64"),
        (lambda given: given[:, :-1], "has 11 numbers"),
        (lambda given: np.where(given == given[0, 0], np.float32(np.nan), given), "NaN"),
        (lambda given: given * np.float32(np.inf), "NaN or infinity"),
    ],
)
def test_a_wrong_observation_is_refused(
    bundle: Path, observation: np.ndarray, change: Callable[[Any], Any], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        PolicyBundle.load(bundle).act(change(observation))


def test_loading_needs_neither_torch_nor_ray(bundle: Path) -> None:
    script = (
        "import sys; from train import PolicyBundle; PolicyBundle.load(sys.argv[1]);"
        "print([name for name in ('torch', 'ray', 'numba', 'pickle5', 'stable_baselines3')"
        " if name in sys.modules])"
    )

    told = subprocess.run(
        [sys.executable, "-c", script, str(bundle)], capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "[]"


def test_a_manifest_can_be_read_without_its_files(bundle: Path) -> None:
    (bundle / "policy.onnx").unlink()

    assert read_manifest(bundle).scenario == "demo"


def test_the_fixture_is_a_valid_model(
    weights: np.ndarray, policy_onnx: Callable[..., bytes]
) -> None:
    onnx.checker.check_model(onnx.load_from_string(policy_onnx(weights)), full_check=True)
