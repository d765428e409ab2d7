"""TCP ports of this machine: a free one, and who holds a busy one."""

import os
import socket
from pathlib import Path

_LISTENING = "0A"  # state column of /proc/net/tcp


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this TCP port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_holder(port: int) -> str:
    """The command and pid that listen on this TCP port; empty when we may not know."""
    inodes = {
        fields[9]
        for name in ("tcp", "tcp6")
        for fields in _socket_rows(Path("/proc/net") / name)
        if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port
    }
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and inodes & _socket_inodes(entry / "fd"):
            return f"{(entry / 'comm').read_text().strip()} (pid {entry.name})"
    return ""


def _socket_rows(table: Path) -> list[list[str]]:
    if not table.exists():
        return []
    return [line.split() for line in table.read_text().splitlines()[1:]]


def _socket_inodes(folder: Path) -> set[str]:
    """Inodes of the sockets that a process holds; none when it is not ours, or gone."""
    try:
        entries = list(folder.iterdir())
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return set()
    links = (_link(entry) for entry in entries)
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def _link(entry: Path) -> str:
    try:
        return os.readlink(entry)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return ""  # closed since it was listed
