"""Servers that a command starts on this machine: their TCP port, and the wait for their answer."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress

import httpx2
import psutil

from cluster.errors import UsageError

_POLL_S = 0.1


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
    for connection in psutil.net_connections("tcp"):
        here = connection.laddr and connection.laddr.port == port
        if here and connection.status == psutil.CONN_LISTEN and connection.pid is not None:
            with suppress(psutil.NoSuchProcess):  # it ended since it was listed
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def refuse_busy_port(port: int, command: str, host: str = "127.0.0.1") -> None:
    """Let a server start on this port only if nobody listens there.

    Args:
        port: TCP port.
        command: That starts the server, without its `--port`.
        host: Address to listen on.

    Raises:
        UsageError: somebody does.
    """
    if not port_is_free(port, host):
        holder = port_holder(port) or "another process"
        raise UsageError(
            f"port {port} is busy", f"{holder} listens on it", f"{command} --port {port + 1}"
        )


def get(url: str) -> httpx2.Response | None:
    """What a server of this machine answers; None when it does not."""
    try:
        return httpx2.get(url, timeout=2.0, trust_env=False)
    except httpx2.RequestError:
        return None


def wait_until_ready(ready: Callable[[], bool], alive: Callable[[], bool], timeout_s: float) -> str:
    """Wait for a server that was just started.

    Args:
        ready: Whether it answers.
        alive: Whether its process runs.
        timeout_s: The longest wait.

    Returns:
        "" once it is ready; else why it will not be.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not alive():
            return "it ended"
        if time.monotonic() > deadline:
            return f"it was not ready after {timeout_s:.0f} s"
        time.sleep(_POLL_S)
    return ""
