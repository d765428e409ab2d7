"""TCP ports of this machine: a free one, and who holds a busy one."""

import socket
from contextlib import suppress

import psutil


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
