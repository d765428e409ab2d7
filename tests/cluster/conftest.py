"""A head of Ray as an operator starts it, for all tests that submit jobs."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.jobs import Jobs
from cluster.processes import end, family, wait_gone
from cluster.servers import free_port
from sharing import once


def _variables() -> dict[str, str]:
    """Variables of a user with a token and the environment's programs on the path."""
    dropped = ("RAY_", "PLOUTOS_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "c" * 64}
    patient = {"RAY_agent_register_timeout_ms": "120000"}  # a busy machine ends a head after 30 s
    return clean | token | patient | {"PATH": path, "OMP_NUM_THREADS": "1"}


@contextmanager
def _head() -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        options = {
            "port": 0,
            "dashboard-host": "127.0.0.1",
            "dashboard-port": port,
            "dashboard-agent-listen-port": 0,
            "ray-client-server-port": free_port(),
            "temp-dir": folder,
            "num-cpus": 2,
            "object-store-memory": 80 << 20,
        }
        command = ["ray", "start", "--head", "--block", "--disable-usage-stats"]
        command += [f"--{name}={value}" for name, value in options.items()]
        with subprocess.Popen(command, env=_variables(), stdout=-3, stderr=-3, cwd=folder) as head:
            try:
                _wait_until_listening(port, head)
                yield f"http://127.0.0.1:{port}"
            finally:
                members = family(head.pid)
                head.send_signal(signal.SIGTERM)
                end(wait_gone(members, 15.0))


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("ray start --head ended")


@pytest.fixture
def place() -> dict[str, str]:
    """The operator's environment; its token is that of `ray_head`."""
    return _variables()


@pytest.fixture
def ray_head() -> str:
    """`ray start --head` on free ports; gives the dashboard's address."""
    return str(once(_head))


@pytest.fixture
def jobs(ray_head: str, place: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """A client of `ray_head`."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, place[name])
    return Jobs(ray_head)
