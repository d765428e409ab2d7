"""Folds in a manifest: two bar numbers each in the file, as ever; a `Window` for who reads it."""

import json
from typing import Any

import pytest

from cluster.errors import BundleError
from envs import Window
from train.bundle.manifest import FoldSpan, ManifestFields, bundle_id_of, complete, parse_manifest

FOLD = FoldSpan(index=0, train=(0, 140), validation=[147, 210], test=Window(217, 420))
WRITTEN = {"index": 0, "train": [0, 140], "validation": [147, 210], "test": [217, 420]}


def test_a_fold_is_read_from_pairs_and_written_as_pairs(stated: ManifestFields) -> None:
    manifest = complete(stated.model_copy(update={"folds": (FOLD,)}), {"policy.onnx": "ab" * 32})

    text = manifest.model_dump_json()

    assert json.loads(text)["folds"] == [WRITTEN]
    assert parse_manifest(text.encode(), "a bundle").folds == (FOLD,)
    assert FOLD.train == Window(0, 140)
    assert FOLD.validation.last == 209


@pytest.mark.parametrize(
    "train", [[0], [0, 140, 1], [0, 140.0], ["0", "140"], [False, 140], 140, None]
)
def test_what_is_no_pair_of_bars_is_refused(stated: ManifestFields, train: Any) -> None:
    manifest = complete(stated.model_copy(update={"folds": (FOLD,)}), {"policy.onnx": "ab" * 32})
    values = manifest.model_dump(mode="json")
    values["folds"][0]["train"] = train
    changed = values | {"bundle_id": bundle_id_of(values)}

    with pytest.raises(BundleError, match=r"folds.0.train"):
        parse_manifest(json.dumps(changed).encode(), "a bundle")
