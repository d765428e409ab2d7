"""Who drives a sweep, and what its folder tells afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.errors import LockedError
from cluster.settings import Home
from train.sweep.state import NOTE_FILE, SweepState, driving, finish, free_reserve, sweep_state

DRIVE = """
import sys
from pathlib import Path
from cluster.settings import Home
from train.sweep.state import driving
with driving(Home(Path(sys.argv[1])), "one"):
    print("driving", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home" / "sweeps" / "one").mkdir(parents=True)
    return Home(tmp_path / "home")


def test_a_killed_driver_leaves_the_command_that_resumes(home: Home) -> None:
    command = [sys.executable, "-c", DRIVE, str(home.root)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        assert sweep_state(home, "one").standing == "running"
        with pytest.raises(LockedError, match="sweep one is running"), driving(home, "one"):
            pass
        assert (home.sweeps / "one" / "reserve.bin").exists()  # who is refused takes nothing
        driver.kill()

    assert sweep_state(home, "one") == SweepState(
        "interrupted", next_command="ploutos tune resume one"
    )
    note = home.sweeps / "one" / NOTE_FILE
    assert note.read_text() == "ploutos tune resume one\n"


def test_a_finished_sweep_needs_nothing(home: Home) -> None:
    with driving(home, "one"):
        assert (home.sweeps / "one" / "reserve.bin").stat().st_size == 1 << 20
        free_reserve(home, "one")
        finish(home, "one", home.bundles / "b")
    with driving(home, "one"):  # again, to make its bundle anew
        assert not (home.sweeps / "one" / NOTE_FILE).exists()

    assert not (home.sweeps / "one" / "reserve.bin").exists()
    assert sweep_state(home, "one") == SweepState("finished", bundle=str(home.bundles / "b"))


@pytest.mark.parametrize("place", ["bundles/b", "sweeps/walk/policies/b"])
def test_a_bundle_is_found_in_a_home_that_was_moved(home: Home, place: str) -> None:
    finish(home, "one", home.root / place)
    noted = json.loads((home.sweeps / "one" / "finished.json").read_text())

    moved = Home(home.root.parent / "run [1]*")
    home.root.rename(moved.root)

    assert noted == {"bundle": place}
    assert sweep_state(moved, "one").bundle == str(moved.root / place)
    # and a note of the version before, which had the whole path
    older = json.dumps({"bundle": f"/data/ploutos/{place}"})
    (moved.sweeps / "one" / "finished.json").write_text(older)
    assert sweep_state(moved, "one").bundle == str(moved.root / place)
