"""The model card: written by the bundle itself, from what it knows, and sealed."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.errors import BundleError
from factories import manifest, verdict
from features.lake.origins import Origin
from train.bundle.bundle import PolicyBundle, refresh_card, save_bundle, update_verdict
from train.bundle.manifest import ManifestFields
from train.bundle.model_card import CARD_FILE, CardFacts, card_bytes
from train.bundle.override import Unproven, mark_unproven
from train.bundle.verdict_record import BaselineExcess, RandomTrading

ROW = BaselineExcess(baseline="equal_weight", excess=-0.05, low=-0.4, high=0.3, spa_p=0.7)
VERDICT = verdict(
    excess=(ROW,),
    random=RandomTrading(policies=200, sharpe=0.1, turnover=9.0, exposure=0.9, quantile=0.64),
)


@pytest.fixture
def folder(
    tmp_path: Path,
    weights: np.ndarray[Any, Any],
    policy_onnx: Callable[..., bytes],
    stated: ManifestFields,
) -> Path:
    return save_bundle(tmp_path, policy_onnx(weights), None, stated)


def card(folder: Path) -> str:
    return (folder / CARD_FILE).read_text()


def test_a_new_bundle_has_one(folder: Path) -> None:
    text = card(folder)

    assert text.startswith(f"# Model card of bundle {folder.name}\n")
    assert "**NOT JUDGED**" in text
    assert "| symbols | XLK, XLF, XLE |" in text
    assert "test [217, 420)" in text
    assert "Its market was SIMULATED" in text
    assert "which chose it: 0.50" in text


def test_a_verdict_enters_it(folder: Path) -> None:
    update_verdict(folder, VERDICT)

    text = card(folder)
    assert "deflated 0.38 over 8 trial(s): NOT BETTER**" in text
    assert "| equal_weight | -0.05 | [-0.40, +0.30] | 0.70 |" in text
    assert "better than 64% of 200 random policies" in text
    assert "- failed: deflated Sharpe 0.38 is below 0.95" in text
    assert "standard error of about 2.0" in text
    assert PolicyBundle.load(folder).verdict == VERDICT


def test_an_override_stands_above_everything(folder: Path) -> None:
    mark = Unproven(
        bundle_id=folder.name,
        reason="a | pipe, <b>bold</b>\nand a line",
        who="ann",
        at=datetime(2026, 1, 2, tzinfo=UTC),
        failed=("seeds",),
    )
    mark_unproven(folder, mark)

    refresh_card(folder)

    third = card(folder).splitlines()[2]
    assert third == (
        "**UNPROVEN**: ann let it past the gate on 2026-01-02: "
        "a \\| pipe, &lt;b&gt;bold&lt;/b&gt; and a line"
    )


def test_the_same_facts_give_the_same_bytes(folder: Path) -> None:
    manifest = PolicyBundle.load(folder).manifest

    once, twice = (card_bytes(CardFacts(manifest, VERDICT, None, None)) for _ in range(2))

    assert once == twice


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data.replace(b"NOT JUDGED", b"BETTER"),
        lambda data: data + b"one more line\n",
        lambda data: data[:-5],
        lambda data: b"",
        lambda data: b"# a card of my own\n",
        lambda data: data.replace(b"<!-- bundle ", b"<!-- bundle f"),
    ],
)
def test_a_card_that_was_edited_is_refused(folder: Path, edit: Callable[[bytes], bytes]) -> None:
    path = folder / CARD_FILE
    path.write_bytes(edit(path.read_bytes()))

    with pytest.raises(BundleError, match=r"model card .* is refused"):
        PolicyBundle.load(folder)


def test_the_card_of_another_bundle_is_refused(
    folder: Path, tmp_path: Path, policy_onnx: Callable[..., bytes], stated: ManifestFields
) -> None:
    other = save_bundle(tmp_path / "other", policy_onnx(np.ones((12, 9))), None, stated)
    (folder / CARD_FILE).write_bytes((other / CARD_FILE).read_bytes())

    with pytest.raises(BundleError, match=f"that of bundle {other.name}"):
        PolicyBundle.load(folder)


def test_a_link_is_no_card_and_none_at_all_is_a_bundle_from_before(
    folder: Path, tmp_path: Path
) -> None:
    text = (folder / CARD_FILE).read_bytes()
    (folder / CARD_FILE).unlink()
    PolicyBundle.load(folder)

    (tmp_path / "elsewhere.md").write_bytes(text)
    (folder / CARD_FILE).symlink_to(tmp_path / "elsewhere.md")
    with pytest.raises(BundleError, match="no plain file"):
        PolicyBundle.load(folder)


def test_it_names_who_the_bars_were_had_from(
    tmp_path: Path, weights: np.ndarray[Any, Any], policy_onnx: Callable[..., bytes]
) -> None:
    first, last = datetime(2024, 1, 2, 14, 30, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    had = {"bars": 1234, "first": first, "last": last, "retrieved": last}
    origin = Origin(source="alpaca", adjustment="split", **had)
    stated = manifest(data={"label": "alpaca", "origins": (origin,)})

    folder = save_bundle(tmp_path, policy_onnx(weights), None, stated)

    assert PolicyBundle.load(folder).manifest.data.origins == (origin,)
    row = "| had from alpaca | 1,234 bars, adjustment split, 2024-01-02 to 2024-03-01 |"
    assert row in card(folder)
