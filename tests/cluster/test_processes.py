import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.errors import PloutosError
from cluster.processes import (
    Process,
    descendants,
    end,
    family,
    reap,
    session_members,
    start_background,
    wait_gone,
)

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
PARENT = (
    "import subprocess, sys\n"
    f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], stdout=subprocess.PIPE)\n"
    "child.stdout.readline(); print('up', flush=True); child.wait()\n"
)
Start = Callable[[str], Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts Python code in the background and waits until it prints."""
    started: list[Process] = []

    def run(code: str) -> Process:
        log = tmp_path / f"{len(started)}.log"
        command = [sys.executable, "-c", code]
        started.append(start_background(command, log=log, env=os.environ))
        while not log.read_text():
            time.sleep(0.01)
        return started[-1]

    yield run
    for leader in started:
        end(session_members(leader.pid), grace_s=0.0)
        reap(leader)


def test_a_background_process_leads_its_session_and_writes_to_its_log(
    start: Start, tmp_path: Path
) -> None:
    leader = start(SLEEP)

    assert leader.alive
    assert os.getsid(leader.pid) == leader.pid
    assert session_members(leader.pid) == {leader}
    assert (tmp_path / "0.log").read_text() == "up\n"


def test_a_log_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")

    with pytest.raises(PloutosError, match="cannot write"):
        start_background([sys.executable], log=tmp_path / "logs" / "x.log", env={})


def test_descendants_are_found_at_every_depth(start: Start) -> None:
    leader = start(PARENT)

    (child,) = descendants(leader.pid)

    assert family(leader.pid) == {leader, child}
    assert leader in descendants(os.getpid())
    assert child in descendants(os.getpid())


def test_end_ends_a_whole_family_and_nothing_else(start: Start) -> None:
    first, second = start(PARENT), start(SLEEP)
    members = family(first.pid)

    end(members, grace_s=5.0)

    assert len(members) == 2
    assert not any(member.alive for member in members)
    assert second.alive


def test_a_process_that_ignores_sigterm_is_killed(start: Start) -> None:
    leader = start(STUBBORN)

    end({leader}, grace_s=0.2)

    assert not leader.alive
    assert os.waitpid(leader.pid, 0)[1] == signal.SIGKILL


def test_the_orphans_of_a_killed_leader_are_found_by_its_session(start: Start) -> None:
    leader = start(PARENT)
    (child,) = descendants(leader.pid)

    os.kill(leader.pid, signal.SIGKILL)
    wait_gone({leader}, 5.0)

    assert descendants(leader.pid) == set()
    assert session_members(leader.pid) == {child}


def test_a_zombie_is_no_longer_alive_and_reaping_removes_it(start: Start) -> None:
    leader = start(SLEEP)
    end({leader}, grace_s=5.0)
    assert Path(f"/proc/{leader.pid}").exists()

    reap(leader)
    reap(leader)  # again: harmless

    assert not Path(f"/proc/{leader.pid}").exists()


def test_a_later_process_with_the_same_pid_is_not_the_same_process() -> None:
    ours = Process.of(os.getpid())
    assert ours is not None

    earlier = Process(ours.pid, ours.start_ticks - 1)

    assert ours.alive
    assert not earlier.alive
    end({earlier}, grace_s=0.0)  # would end this very test


def test_wait_gone_tells_what_is_left(start: Start) -> None:
    first, second = start(SLEEP), start(SLEEP)
    os.kill(first.pid, signal.SIGKILL)

    assert wait_gone({first, second}, 0.3) == {second}


def test_a_name_with_brackets_and_spaces_is_read_right(tmp_path: Path) -> None:
    program = tmp_path / "a) S 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as child:
        try:
            process = Process.of(child.pid)
            assert process is not None
            assert process in descendants(os.getpid())
        finally:
            child.kill()
