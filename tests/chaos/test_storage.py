"""Checkpoints that cannot be written, and checkpoints that cannot be read."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.processes import descendants

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Storm = Callable[..., Any]


def test_a_corrupt_newest_checkpoint_costs_one_interval(storm: Storm) -> None:
    # given: a killed driver, and the newest checkpoint of each trial cut in half
    sweep = storm()
    driver = sweep.start()
    sweep.until_progress(driver, 5)
    driver.kill()
    driver.wait()
    for trial in {path.parent for path in sweep.checkpoints()}:
        newest = max(trial.glob("checkpoint_*"))
        state = next(newest.rglob("sb3.pt"))
        os.truncate(state, state.stat().st_size // 2)

    # when
    result = sweep.resume()

    # then
    sweep.check_whole(result)


def test_a_worker_that_cannot_write_stops_the_sweep_and_loses_nothing(storm: Storm) -> None:
    # given: workers that may not write files over 1 kB from now on
    sweep = storm()
    driver = sweep.start()
    sweep.until_progress(driver, 2)
    for process in descendants(driver.pid):
        if b"ImplicitFunc" in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))

    # when
    _, complaint = driver.communicate(timeout=200)

    # then
    assert driver.returncode == 1, complaint
    assert "sweep storm stopped" in complaint
    assert "ploutos tune resume storm" in complaint
    assert "Traceback" not in complaint
    sweep.check_whole(sweep.resume())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    folder = tmp_path / "home"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_sweep_and_loses_nothing(small_disk: Path, storm: Storm) -> None:
    # given: somebody fills the disk
    sweep = storm()
    driver = sweep.start()
    sweep.until_progress(driver, 3)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * (1 << 16)):
                pass
        except OSError:
            pass

    # when
    _, complaint = driver.communicate(timeout=200)

    # then
    assert driver.returncode == 1, complaint
    assert "ploutos tune resume storm" in complaint
    assert "No space left on device" in complaint
    ballast.unlink()
    sweep.check_whole(sweep.resume())
