"""One holder at a time; the kernel frees the lock of a holder that is gone."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cluster.errors import LockedError, PloutosError
from cluster.locks import is_locked, locked, try_lock, wait_for_lock

BUSY = LockedError("the thing is in use", "another process holds it", "wait")
HOLD = """
import sys
from pathlib import Path
from cluster.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_for_the_length_of_its_context(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert not is_locked(path)

    with locked(path):
        assert is_locked(path)
        with (
            pytest.raises(LockedError, match="the thing is in use") as refused,
            locked(path, busy=BUSY),
        ):
            pass

    assert refused.value.exit_code == 4
    assert not is_locked(path)
    assert path.read_bytes() == b""


def test_a_killed_holder_frees_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert is_locked(path)
        holder.kill()
        holder.wait()

        with locked(path, busy=BUSY):
            assert is_locked(path)


def test_a_child_of_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    # given: a child that outlives the block, as Ray's servers outlive a driver's sweep
    path = tmp_path / "lock"
    with locked(path):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert not is_locked(path)
    finally:
        child.kill()
        child.wait()


def test_who_gives_no_refusal_waits(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", []

    def second() -> None:
        with locked(path):
            order.append("second")

    with locked(path):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.1)
        order.append("first")
    waiting.join(10.0)

    assert order == ["first", "second"]


def test_an_open_file_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    one, two = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    try:
        wait_for_lock(one)
        assert not try_lock(two)
    finally:
        os.close(one)
    try:
        assert try_lock(two)
    finally:
        os.close(two)


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(PloutosError, match="cannot write"), locked(tmp_path / "file" / "lock"):
        pass
