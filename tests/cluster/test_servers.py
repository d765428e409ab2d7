import os
import socket

import pytest

from cluster.errors import UsageError
from cluster.servers import (
    free_port,
    get,
    port_holder,
    port_is_free,
    refuse_busy_port,
    wait_until_ready,
)


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()

    assert port_is_free(port)
    assert port_holder(port) == ""
    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_the_holder_of_a_busy_port_is_named(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if ":" in host and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")

    with socket.create_server((host, 0), family=family) as server:
        holder = port_holder(server.getsockname()[1])

    assert holder.endswith(f"(pid {os.getpid()})")


def test_a_port_that_is_connected_from_is_held_by_nobody() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert port_holder(client.getsockname()[1]) == ""


def test_a_busy_port_is_refused_with_the_command_for_the_next_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is busy") as refused:
            refuse_busy_port(port, "ploutos serve up")

    assert f"(pid {os.getpid()}) listens on it" in refused.value.why
    assert refused.value.next_command == f"ploutos serve up --port {port + 1}"
    refuse_busy_port(port, "ploutos serve up")  # free again


def test_where_nobody_listens_nobody_answers() -> None:
    assert get(f"http://127.0.0.1:{free_port()}/healthz") is None


@pytest.mark.parametrize(
    ("ready_after", "dead_after", "why"),
    [(2, 9, ""), (0, 0, ""), (9, 2, "it ended"), (99, 99, "it was not ready after 1 s")],
)
def test_why_a_server_is_not_ready(ready_after: int, dead_after: int, why: str) -> None:
    asked = {"ready": 0, "alive": 0}

    def ready() -> bool:
        asked["ready"] += 1
        return asked["ready"] > ready_after

    def alive() -> bool:
        asked["alive"] += 1
        return asked["alive"] <= dead_after

    assert wait_until_ready(ready, alive, 1.0) == why
