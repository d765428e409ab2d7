"""Processes of this machine: who descends from whom, ending them by pid, and free ports."""

import os
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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


def _children_by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def descendants(*pids: int) -> set[Process]:
    """The living children, grandchildren, ... of the processes `pids`, without themselves."""
    children = _children_by_parent()
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


def wait_gone(processes: Iterable[Process], timeout_s: float) -> set[Process]:
    """Wait until none of `processes` lives; returns those that still do after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    left = {process for process in processes if process.alive}
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        left = {process for process in left if process.alive}
    return left


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


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
