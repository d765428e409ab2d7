import os
import socket

import pytest

from cluster.ports import free_port, port_holder, port_is_free


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
