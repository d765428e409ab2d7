from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import numpy as np
import pytest

from cluster.artifacts import ArtifactStore
from cluster.errors import BundleError, UsageError
from cluster.settings import Home
from train.bundle.bundle import PolicyBundle, save_bundle
from train.bundle.manifest import ManifestFields
from train.bundle.publish import (
    fetch_bundle,
    fetch_ledger,
    publish_bundle,
    publish_ledger,
    published_bundles,
    published_problems,
)
from train.ledger.ledger import TrialLedger, TrialRecord
from train.sweep.progress import SweepEvent, publishing


@pytest.fixture
def store() -> ArtifactStore:
    return ArtifactStore(f"memory://{uuid4().hex}")


@pytest.fixture
def here(tmp_path: Path) -> Home:
    return Home(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Home:
    return Home(tmp_path / "there")


@pytest.fixture
def bundle(
    here: Home, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> Path:
    return save_bundle(here.bundles, policy_onnx(weights), b"a zip", stated)


def event(kind: Any) -> SweepEvent:
    fields: dict[str, Any] = dict.fromkeys(SweepEvent.__dataclass_fields__, 0)
    return SweepEvent(**fields | {"kind": kind, "sampled": {}})


def test_a_published_bundle_acts_the_same_elsewhere(
    store: ArtifactStore, bundle: Path, there: Home
) -> None:
    address = publish_bundle(store, bundle)
    fetched = fetch_bundle(store, bundle.name, there)

    observation = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    ours, theirs = PolicyBundle.load(bundle), PolicyBundle.load(fetched)
    assert address == f"{store.url}/bundles/{bundle.name}"
    assert published_bundles(store) == [bundle.name]
    assert fetched == there.bundles / bundle.name
    np.testing.assert_array_equal(ours.logits(observation), theirs.logits(observation))
    assert fetch_bundle(store, bundle.name, there) == fetched  # again changes nothing


def test_a_bundle_that_was_tampered_with_does_not_come_in(
    store: ArtifactStore, bundle: Path, there: Home
) -> None:
    publish_bundle(store, bundle)
    path = f"{store.url.removeprefix('memory:/')}/bundles/{bundle.name}/policy.onnx"
    fsspec.filesystem("memory").pipe_file(path, b"something else")

    with pytest.raises(BundleError, match="sha256"):
        fetch_bundle(store, bundle.name, there)

    assert list(there.bundles.iterdir()) == []


def test_a_bundle_under_the_name_of_another_does_not_come_in(
    store: ArtifactStore, bundle: Path, there: Home
) -> None:
    store.put(bundle, "bundles/ffffffffffffffff")

    with pytest.raises(BundleError, match="its manifest is that of"):
        fetch_bundle(store, "ffffffffffffffff", there)

    assert list(there.bundles.iterdir()) == []


@pytest.mark.parametrize("name", ["nothing", "../here", ""])
def test_a_bundle_that_is_not_there_is_one_message(
    store: ArtifactStore, there: Home, name: str
) -> None:
    with pytest.raises(UsageError, match="no bundle"):
        fetch_bundle(store, name, there)


def test_two_clusters_share_one_ledger(
    store: ArtifactStore, here: Home, there: Home, trial: Callable[..., TrialRecord]
) -> None:
    # given: each has a trial that the other does not have
    TrialLedger(here.ledger).append(trial(trial_id="a"))
    TrialLedger(there.ledger).append(trial(trial_id="b"))

    # when
    for home in (here, there):
        publish_ledger(store, home)
    fetched = fetch_ledger(store, here)

    # then
    problem = trial().problem
    assert published_problems(store) == [problem]
    assert fetched == [f"{problem}/b.parquet"]
    assert {one.trial_id for one in TrialLedger(here.ledger).records(problem)} == {"a", "b"}
    assert fetch_ledger(store, here) == []


def test_an_empty_store_has_no_ledger_to_fetch(store: ArtifactStore, here: Home) -> None:
    publish_ledger(store, here)

    assert fetch_ledger(store, here) == []


@pytest.mark.parametrize("kind", ["completed", "pruned", "failed"])
def test_the_ledger_is_stored_when_a_trial_ends(
    store: ArtifactStore, here: Home, trial: Callable[..., TrialRecord], kind: str
) -> None:
    told: list[str] = []
    report = publishing(store, here, lambda one: told.append(one.kind))
    TrialLedger(here.ledger).append(trial())

    report(event("progress"))
    assert published_problems(store) == []
    report(event(kind))

    assert published_problems(store) == [trial().problem]
    assert told == ["progress", kind]


def test_a_store_that_fails_does_not_end_the_sweep(
    here: Home,
    tmp_path: Path,
    trial: Callable[..., TrialRecord],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("in the way")
    TrialLedger(here.ledger).append(trial())
    report = publishing(ArtifactStore(str(tmp_path / "file" / "store")), here, lambda one: None)

    report(event("completed"))

    assert "warning: cannot write" in capsys.readouterr().err
