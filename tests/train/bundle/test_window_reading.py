"""Every walk over bars that a bundle was not trained on is counted."""

from pathlib import Path

import numpy as np
import pytest

from envs import Market, Window
from factories import bundle_on
from train.bundle.bundle import PolicyBundle
from train.bundle.window_reading import LATER, note_reading, reading_of
from train.bundle.windows import judged_window
from train.diagnose.stress import stress
from train.ledger.ledger import TrialLedger


@pytest.fixture
def bundle(tmp_path: Path, market: Market, weights: np.ndarray) -> PolicyBundle:
    folder = bundle_on(market, tmp_path / "b", weights, v6_params={"spread_bps": 2.0})
    return PolicyBundle.load(folder)


def test_the_row_names_who_what_and_which_sessions(
    tmp_path: Path, market: Market, bundle: PolicyBundle
) -> None:
    ledger, manifest = TrialLedger(tmp_path / "ledger"), bundle.manifest

    note_reading(ledger, manifest, market, judged_window(manifest), "timing")

    (row,) = ledger.readings(manifest.problem).rows()
    assert (row["bundle"], row["occasion"], row["fold"]) == (manifest.bundle_id, "timing", 0)
    assert (row["first"], row["last"]) == ("2024-02-02", "2024-03-01")
    assert row["who"]
    assert ledger.readings(manifest.problem).faults() == []


def test_other_bars_are_of_no_fold(market: Market, bundle: PolicyBundle) -> None:
    other = market.with_features(-market.features)

    found = reading_of(bundle.manifest, other, Window(0, 420), "episodes")

    assert (found.fold, found.data) == (LATER, other.fingerprint)


def test_stress_counts_as_one_reading(tmp_path: Path, market: Market, bundle: PolicyBundle) -> None:
    ledger = TrialLedger(tmp_path / "ledger")

    stress(bundle, market, ledger)

    rows = ledger.readings(bundle.manifest.problem).rows()
    assert [row["occasion"] for row in rows] == ["stress"]
