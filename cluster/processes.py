"""Processes of this machine: starting, finding and ending them, by pid."""

import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from cluster.files import storage_errors

_POLL_S = 0.05


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    start_ticks: int  # clock ticks after boot

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process with this pid, or None when there is none (a zombie counts as none)."""
        fields = _stat_fields(pid)
        if fields is None or fields[0] in "ZX":
            return None
        return cls(pid, int(fields[19]))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.of(self.pid) == self


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the third (state) on; None when there is no process.

    Read here since psutil states a start as a time of day, which a change of the clock moves.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _living(pids: Iterable[int]) -> set[Process]:
    return {process for pid in pids if (process := Process.of(pid))}


def session_members(leader: int) -> set[Process]:
    """The living processes of the session that `leader` opened, even after its own end."""
    return _living(pid for pid in psutil.pids() if _session_of(pid) == leader)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def descendants(*pids: int) -> set[Process]:
    """The living children, grandchildren, ... of the processes `pids`, without themselves."""
    found: set[Process] = set()
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            found |= _living(child.pid for child in psutil.Process(pid).children(recursive=True))
    return found


def family(pid: int) -> set[Process]:
    """The process `pid`, if it lives, and its descendants."""
    head = Process.of(pid)
    return descendants(pid) | ({head} if head else set())


def start_background(command: Sequence[str], *, log: Path, env: Mapping[str, str]) -> Process:
    """Start a process that outlives us, in a session of its own, its output in `log`.

    Raises:
        PloutosError: the log cannot be written.
    """
    with storage_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        pid = os.posix_spawn(
            command[0],
            list(command),
            env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)
    fields = _stat_fields(pid)
    assert fields, "a child of ours is at least a zombie until `reap`"
    return Process(pid, int(fields[19]))


def wait_gone(processes: Iterable[Process], timeout_s: float) -> set[Process]:
    """Wait until none of `processes` lives; returns those that still do after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    left = {process for process in processes if process.alive}
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        left = {process for process in left if process.alive}
    return left


def reap(process: Process) -> None:
    """Take the exit status of an ended child of `start_background`, which stays a zombie else."""
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return  # started by an earlier run of ours: init has taken it


def end(processes: Iterable[Process], *, grace_s: float = 10.0) -> None:
    """SIGTERM, and SIGKILL to those that still live `grace_s` later; waits until all are gone."""
    members = set(processes)
    _signal_all(members, signal.SIGTERM)
    left = wait_gone(members, grace_s)
    _signal_all(left, signal.SIGKILL)
    wait_gone(left, 5.0)


def _signal_all(processes: Iterable[Process], number: signal.Signals) -> None:
    for process in processes:
        if process.alive:
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue  # it ended between the look and the signal
