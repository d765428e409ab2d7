"""A bundle says what settles who sits in its slots; bundles from before there were any are read."""

import json
from typing import Any

from features.slots.bars import SlotRules
from train.bundle.manifest import ManifestFields, SlotSpan, bundle_id_of, complete, parse_manifest

SPAN: dict[str, Any] = {
    "start": "2019-01-02",
    "scan": {
        "per_sector": 1,
        "lookback": 252,
        "risk_free_rate": 0.04,
        "min_history": 0.95,
        "min_dollar_volume": 5e6,
    },
}


def test_a_bundle_keeps_what_settles_who_sits_in_its_slots(stated: ManifestFields) -> None:
    slots = SlotSpan.model_validate(SPAN)
    manifest = complete(stated.model_copy(update={"slots": slots}), {"policy.onnx": "ab" * 32})

    read = parse_manifest(manifest.model_dump_json().encode(), "a bundle")

    assert read == manifest
    assert read.slots is not None
    assert read.slots.rules() == SlotRules.from_dict(SPAN)
    assert read.bundle_id != complete(stated, {"policy.onnx": "ab" * 32}).bundle_id


def test_a_bundle_from_before_there_were_slots_is_read(stated: ManifestFields) -> None:
    manifest = complete(stated, {"policy.onnx": "ab" * 32})
    values = manifest.model_dump(mode="json")
    assert values.pop("slots") is None

    old = values | {"bundle_id": bundle_id_of(values)}

    assert old["bundle_id"] == manifest.bundle_id
    assert parse_manifest(json.dumps(old).encode(), "old") == manifest


def test_limits_of_the_scenario_make_another_bundle_and_none_change_nothing(
    stated: ManifestFields,
) -> None:
    files = {"policy.onnx": "0" * 64}
    without = complete(stated, files)
    values = without.model_dump(mode="json")
    del values["risk"]
    assert bundle_id_of(values) == without.bundle_id  # as it was before limits were carried
    limited = complete(stated.model_copy(update={"risk": {"max_position": 0.1}}), files)
    assert limited.bundle_id != without.bundle_id
    assert limited.risk == {"max_position": 0.1}
