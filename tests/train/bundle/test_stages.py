"""Stages follow from the log: one step at a time, back to the previous champion."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import BundleError, DataError, UsageError
from cluster.settings import Home
from train.bundle.bundle import save_bundle
from train.bundle.manifest import ManifestFields
from train.bundle.stages import (
    Decision,
    Stage,
    bundle_to_serve,
    enter,
    read_stages,
    roll_back,
    stage_log,
    target_stage,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def bundles(
    home: Home, weights: np.ndarray, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> list[str]:
    """Ids of three bundles, oldest first."""
    made = [
        stated.model_copy(update={"created": stated.created.replace(hour=hour)})
        for hour in (1, 2, 3)
    ]
    return [save_bundle(home.bundles, policy_onnx(weights), None, one).name for one in made]


def move(home: Home, bundle: str, *stages: Stage) -> None:
    for stage in stages:
        before = read_stages(home).of(bundle)
        enter(home, Decision(bundle, stage, "promote", "why", "ann"), before=before)


def test_a_home_without_a_log_has_candidates_only(home: Home) -> None:
    stages = read_stages(home)

    assert stages.of("any") == "candidate"
    assert stages.champion is None
    assert stages.previous_champion is None


def test_a_new_champion_retires_the_old_one(home: Home, bundles: list[str]) -> None:
    one, two, _ = bundles
    move(home, one, "shadow", "champion")
    move(home, two, "shadow", "champion")

    stages = read_stages(home)

    assert (stages.of(one), stages.of(two)) == ("retired", "champion")
    assert (stages.champion, stages.previous_champion) == (two, one)


def test_the_log_says_who_when_and_why(home: Home) -> None:
    move(home, "b", "shadow")

    (row,) = stage_log(home).rows()

    assert (row["bundle"], row["stage"], row["action"]) == ("b", "shadow", "promote")
    assert (row["who"], row["why"]) == ("ann", "why")
    assert row["at"].endswith("+00:00")


def test_a_rollback_returns_to_the_previous_champion(home: Home, bundles: list[str]) -> None:
    for bundle in bundles:
        move(home, bundle, "shadow", "champion")

    assert roll_back(home, "it lost") == (bundles[1], bundles[2])
    assert roll_back(home, "again") == (bundles[0], bundles[1])

    stages = read_stages(home)
    assert stages.champion == bundles[0]
    assert [stages.of(bundle) for bundle in bundles] == ["champion", "retired", "retired"]
    with pytest.raises(UsageError, match="no previous champion"):
        roll_back(home, "and again")


def test_no_champion_cannot_be_rolled_back(home: Home) -> None:
    with pytest.raises(UsageError, match="there is no champion at all"):
        roll_back(home, "")


def test_a_champion_that_is_gone_cannot_return(home: Home, bundles: list[str]) -> None:
    for bundle in bundles[:2]:
        move(home, bundle, "shadow", "champion")
    (home.bundles / bundles[0] / "policy.onnx").unlink()

    with pytest.raises(BundleError, match=r"policy\.onnx is missing"):
        roll_back(home, "")

    assert read_stages(home).champion == bundles[1]


@pytest.mark.parametrize(
    ("path", "wanted", "following"),
    [
        ((), None, "shadow"),
        ((), "shadow", "shadow"),
        (("shadow",), None, "champion"),
        (("shadow",), "champion", "champion"),
    ],
)
def test_each_stage_has_one_that_follows(
    home: Home, path: tuple[Stage, ...], wanted: Stage | None, following: Stage
) -> None:
    move(home, "b", *path)

    assert target_stage(read_stages(home), "b", wanted) == following


@pytest.mark.parametrize(
    ("path", "wanted", "told"),
    [
        ((), "champion", "cannot become champion: it is candidate"),
        (("shadow",), "shadow", "cannot become shadow: it is shadow"),
        (("shadow", "champion"), None, "champion already"),
    ],
)
def test_no_stage_is_skipped(
    home: Home, path: tuple[Stage, ...], wanted: Stage | None, told: str
) -> None:
    move(home, "b", *path)

    with pytest.raises(UsageError, match=told):
        target_stage(read_stages(home), "b", wanted)


def test_a_retired_champion_starts_over(home: Home) -> None:
    move(home, "a", "shadow", "champion")
    move(home, "b", "shadow", "champion")

    assert target_stage(read_stages(home), "a", None) == "shadow"


def test_a_decision_about_a_stage_that_is_over_is_refused(home: Home) -> None:
    move(home, "b", "shadow")

    with pytest.raises(UsageError, match="moved in the meantime: it was candidate and is shadow"):
        enter(home, Decision("b", "shadow", "promote", "", "ann"), before="candidate")


def test_a_changed_log_is_refused(home: Home) -> None:
    move(home, "b", "shadow", "champion")
    path = stage_log(home).path
    path.write_bytes(path.read_bytes().replace(b'"shadow"', b'"champion"'))

    with pytest.raises(DataError, match=r"stages\.jsonl is not whole: row 1: changed"):
        read_stages(home)


def test_the_champion_is_served_else_the_newest(home: Home, bundles: list[str]) -> None:
    newest, which = bundle_to_serve(home)
    assert newest.name == bundles[2]
    assert "no champion" in which

    move(home, bundles[0], "shadow", "champion")

    assert bundle_to_serve(home) == (home.bundles / bundles[0], "the champion")
