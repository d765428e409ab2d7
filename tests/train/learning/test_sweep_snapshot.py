"""Tune's state survives a driver that was killed while it wrote."""

import json
import pickle
from pathlib import Path

import pytest

from cluster.settings import Home
from train.sweep_snapshot import keep_state, mend_state

STATE, SEARCHER = "experiment_state-1.json", "searcher-state-1.pkl"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "sweeps" / "one" / "trials").mkdir(parents=True)
    return Home(tmp_path)


def write(home: Home, number: int) -> None:
    folder = home.sweeps / "one" / "trials"
    (folder / STATE).write_text(json.dumps({"number": number}))
    (folder / SEARCHER).write_bytes(pickle.dumps({"number": number}))


def numbers(home: Home) -> tuple[int, int]:
    folder = home.sweeps / "one" / "trials"
    state = json.loads((folder / STATE).read_text())
    return state["number"], pickle.loads((folder / SEARCHER).read_bytes())["number"]


@pytest.mark.parametrize("torn", [STATE, SEARCHER])
def test_a_torn_state_is_replaced_by_the_last_whole_one(home: Home, torn: str) -> None:
    write(home, 1)
    keep_state(home, "one")
    write(home, 2)
    path = home.sweeps / "one" / "trials" / torn
    path.write_bytes(path.read_bytes()[:-3])
    keep_state(home, "one")  # sees the torn file, and keeps what it has

    mend_state(home, "one")

    assert numbers(home) == (1, 1)


def test_a_later_drivers_torn_state_gives_way_to_the_earlier_one(home: Home) -> None:
    write(home, 1)
    keep_state(home, "one")
    later = home.sweeps / "one" / "trials" / "experiment_state-2.json"
    later.touch()

    mend_state(home, "one")

    assert not later.exists()
    assert numbers(home) == (1, 1)


def test_a_whole_state_stays(home: Home) -> None:
    write(home, 1)
    keep_state(home, "one")
    write(home, 2)

    mend_state(home, "one")

    assert numbers(home) == (2, 2)


def test_before_the_first_state_there_is_nothing_to_mend(home: Home) -> None:
    keep_state(home, "one")
    mend_state(home, "one")

    assert not (home.sweeps / "one" / "state").exists()
