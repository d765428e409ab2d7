"""Requests to this machine, which no proxy is asked for."""

import os

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAMES = ("no_proxy", "NO_PROXY")


def bypass_proxies() -> None:
    """Add this machine to `no_proxy`, for this process and its children.

    Some clients read one spelling and some the other, so both get what was in either. Where no
    proxy is set, nothing is.
    """
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return
    given = ",".join(os.environ.get(name, "") for name in _NAMES).split(",")
    hosts = [host.strip() for host in given if host.strip()]
    everything = ["*"] if "*" in hosts else []  # alone: clients know it in no list
    value = ",".join(everything or dict.fromkeys([*hosts, *LOOPBACK]))
    os.environ.update(dict.fromkeys(_NAMES, value))
