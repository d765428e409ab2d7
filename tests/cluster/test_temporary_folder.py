"""Who may remove whose folder: only the end of its owner makes one removable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.temporary_folder import temporary_folder

HOLD = """
import sys
from cluster.temporary_folder import temporary_folder
with temporary_folder() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


def driver(*before: str) -> "subprocess.Popen[str]":
    command = [*before, sys.executable, "-c", HOLD]
    return subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True)


def folder_of(process: "subprocess.Popen[str]") -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_a_folder_ends_with_its_context() -> None:
    with temporary_folder() as folder:
        assert folder.is_dir()
        assert len(str(folder)) <= 40

    assert not folder.exists()


def test_a_living_drivers_folder_stays_and_a_killed_ones_goes() -> None:
    with driver() as living, driver() as killed:
        kept, lost = folder_of(living), folder_of(killed)
        killed.kill()
        killed.wait()
        assert lost.is_dir()

        with temporary_folder():
            assert kept.is_dir()
            assert not lost.exists()
        living.communicate("")
    assert not kept.exists()


def test_a_driver_that_cannot_see_the_owners_process_leaves_its_folder() -> None:
    apart = ("unshare", "--pid", "--fork", "--mount-proc")
    if not shutil.which("unshare") or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("this user may not make a namespace of processes")
    with driver() as owner:
        kept = folder_of(owner)
        with driver(*apart) as stranger:
            assert folder_of(stranger).is_dir()
            assert kept.is_dir()
            stranger.communicate("")
        assert kept.is_dir()
        owner.communicate("")


def test_a_folder_without_a_lock_is_left_alone() -> None:
    folder = Path(f"/tmp/ploutos-{os.getpid()}-other")
    folder.mkdir()
    try:
        with temporary_folder():
            assert folder.is_dir()
    finally:
        folder.rmdir()
