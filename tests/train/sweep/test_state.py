"""Who drives a sweep, and what its folder tells afterwards."""

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
    (tmp_path / "sweeps" / "one").mkdir(parents=True)
    return Home(tmp_path)


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
        finish(home, "one", Path("/bundles/b"))
    with driving(home, "one"):  # again, to make its bundle anew
        assert not (home.sweeps / "one" / NOTE_FILE).exists()

    assert not (home.sweeps / "one" / "reserve.bin").exists()
    assert sweep_state(home, "one") == SweepState("finished", bundle="/bundles/b")
