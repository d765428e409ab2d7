"""The mark UNPROVEN: bound to its bundle, written once, never mended."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import BundleError
from train.bundle.bundle import PolicyBundle, save_bundle
from train.bundle.manifest import ManifestFields
from train.bundle.override import UNPROVEN, Unproven, mark_unproven, read_unproven


def mark(bundle_id: str, reason: str = "I know better") -> Unproven:
    return Unproven(
        bundle_id=bundle_id,
        reason=reason,
        who="ann",
        at=datetime(2026, 11, 22, tzinfo=UTC),
        failed=("deflated Sharpe 0.3",),
    )


@pytest.fixture
def bundle(
    tmp_path: Path, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> Path:
    return save_bundle(tmp_path, policy_onnx(weights), None, stated)


def test_a_marked_bundle_still_loads_and_tells(bundle: Path) -> None:
    assert PolicyBundle.load(bundle).unproven is None

    written = mark_unproven(bundle, mark(bundle.name))

    assert PolicyBundle.load(bundle).unproven == written == mark(bundle.name)


def test_the_first_mark_stays(bundle: Path) -> None:
    mark_unproven(bundle, mark(bundle.name, "first"))

    assert mark_unproven(bundle, mark(bundle.name, "second")).reason == "first"
    assert read_unproven(bundle, bundle.name) == mark(bundle.name, "first")


def test_a_changed_mark_is_refused(bundle: Path) -> None:
    mark_unproven(bundle, mark(bundle.name))
    path = bundle / UNPROVEN.file
    path.write_bytes(path.read_bytes().replace(b"better", b"nothing"))

    with pytest.raises(BundleError, match="it was changed"):
        PolicyBundle.load(bundle)


def test_the_mark_of_another_bundle_is_refused(bundle: Path) -> None:
    mark_unproven(bundle, mark(bundle.name))

    with pytest.raises(BundleError, match=f"marks bundle {bundle.name}"):
        read_unproven(bundle, "0" * 16)


def test_garbage_is_refused(bundle: Path) -> None:
    (bundle / UNPROVEN.file).write_bytes(b"{}")

    with pytest.raises(BundleError, match="UNPROVEN"):
        PolicyBundle.load(bundle)
