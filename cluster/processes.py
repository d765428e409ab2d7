"""Processes of this machine: starting, finding and ending them, by pid."""

import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Fields of /proc/<pid>/stat from the third (state) on; None when there is no process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _pids_by(field: int) -> dict[int, list[int]]:
    """All pids, grouped by a numeric field of their stat: 1 the parent, 3 the session."""
    groups: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))):
            groups.setdefault(int(fields[field]), []).append(int(entry.name))
    return groups


def session_members(leader: int) -> set[Process]:
    """The living processes of the session that `leader` opened, even after its own end."""
    members = (Process.of(pid) for pid in _pids_by(3).get(leader, []))
    return {member for member in members if member}


def descendants(*pids: int) -> set[Process]:
    """The living children, grandchildren, ... of the processes `pids`, without themselves."""
    children = _pids_by(1)
    found: set[Process] = set()
    queue = list(pids)
    while queue:
        for child in children.get(queue.pop(), []):
            queue.append(child)
            if process := Process.of(child):
                found.add(process)
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
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
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
