"""One way to get a Ray: the cluster that we are told of, or a private one of this machine."""

import logging
import os
import secrets
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.errors import ConfigError, PloutosError
from cluster.processes import Process, descendants, end, wait_gone
from cluster.temporary_folder import temporary_folder

_CONNECT_S = 5.0
# Ray puts the current folder first on the path of its workers, before our own packages.
_CODE = Path(__file__).resolve().parents[1]
_OBJECT_STORE_BYTES = 256 << 20
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a FutureWarning for every worker
}
# Ray ends the process on the spot when a handler raises SystemExit, but passes Ctrl-C on.
_AS_CTRL_C = {signal.SIGTERM: signal.default_int_handler}
_IGNORED = {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_IGN}
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # two threads a worker on busy cores cost a factor of 6


@dataclass(frozen=True)
class RaySession:
    """What `attached_ray` gives: the cluster's address, and whether it ends with the context."""

    address: str
    owned: bool


@contextmanager
def attached_ray(
    num_cpus: int | None = None, *, object_store_bytes: int = _OBJECT_STORE_BYTES
) -> Iterator[RaySession]:
    """Connect to Ray for the length of the context.

    With `RAY_ADDRESS` set, as inside a Ray job, attaches to that cluster and only disconnects at
    the end. Otherwise starts a private Ray with `num_cpus` CPUs (default: all) that only holders
    of a token made for it can use, and ends every process of it, on SIGTERM and Ctrl-C too, which
    both raise KeyboardInterrupt. Inside a connected process it changes nothing.

    Raises:
        ConfigError: `RAY_ADDRESS` is a dashboard address.
        PloutosError: the cluster of `RAY_ADDRESS` does not answer, or refuses our token.
    """
    import ray

    if ray.is_initialized():
        yield RaySession(ray.get_runtime_context().gcs_address, owned=False)
        return
    address = ray_address()
    with ExitStack() as stack:
        if address:
            stack.enter_context(_ray_environment(_QUIET))
            yield stack.enter_context(_attached(address))
        else:
            stack.enter_context(_ray_environment(_QUIET | _ONE_THREAD, _token_environment()))
            yield stack.enter_context(_private(num_cpus, object_store_bytes))


def ray_address() -> str:
    """The cluster that `RAY_ADDRESS` tells of; "" for a private Ray."""
    address = os.environ.get("RAY_ADDRESS", "").strip()
    return "" if address == "local" else address


def check_cluster(address: str) -> None:
    """Find out in seconds whether a cluster can be attached to, where Ray tries for 40.

    Raises:
        ConfigError: this is no address of a cluster.
        PloutosError: nobody listens there.
    """
    if address.startswith(("http://", "https://")):
        raise ConfigError(
            f"RAY_ADDRESS is {address}",
            "this is a dashboard, which takes jobs but no drivers",
            f"ray job submit --address {address} --working-dir . -- <command>",
        )
    if address == "auto":
        return  # Ray finds the address itself
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(
            f"RAY_ADDRESS is {address!r}",
            "a cluster's address is host:port, or auto",
            "export RAY_ADDRESS=<head>:6379, or unset RAY_ADDRESS to run here",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, UnicodeError) as error:
        raise _unattached(address, getattr(error, "strerror", None) or str(error)) from error


@contextmanager
def _attached(address: str) -> Iterator[RaySession]:
    import ray

    check_cluster(address)
    try:
        with chdir(_CODE):
            ray.init(address=address, runtime_env=_worker_environment(), **_quiet_options())
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _unattached(address, str(error).strip().splitlines()[0]) from error
    try:
        yield RaySession(address, owned=False)
    finally:
        ray.shutdown()


def _unattached(address: str, why: str) -> PloutosError:
    return PloutosError(
        f"cannot attach to the Ray cluster at {address}",
        why,
        "check RAY_ADDRESS, RAY_AUTH_MODE and the token, or unset RAY_ADDRESS to run here",
    )


@contextmanager
def _private(num_cpus: int | None, object_store_bytes: int) -> Iterator[RaySession]:
    import ray

    before = descendants(os.getpid())
    servers: set[Process] = set()
    with temporary_folder() as folder:
        try:
            try:
                with _signals(_AS_CTRL_C), chdir(_CODE):
                    ray.init(
                        address="local",
                        num_cpus=num_cpus,
                        object_store_memory=object_store_bytes,
                        include_dashboard=False,
                        _temp_dir=str(folder),
                        **_quiet_options(),
                    )
            finally:
                servers = descendants(os.getpid()) - before
            with _signals(_AS_CTRL_C):  # again, since Ray has set its own
                yield RaySession(ray.get_runtime_context().gcs_address, owned=True)
        finally:
            with _signals(_IGNORED):
                _stop(servers)


def _stop(servers: set[Process]) -> None:
    """Shut Ray down, then end what is left of its servers and their workers."""
    import ray

    members = servers | descendants(*(server.pid for server in servers))
    ray.shutdown()
    end(wait_gone(members, 5.0), grace_s=2.0)


def _quiet_options() -> dict[str, Any]:
    warnings.filterwarnings("ignore", module=r"ray\..*")
    return {"log_to_driver": False, "logging_level": logging.ERROR}


def _worker_environment() -> dict[str, dict[str, str]] | None:
    """Variables for workers of a cluster that others started; a job's own value wins."""
    if "OMP_NUM_THREADS" in os.environ:
        return None
    return {"env_vars": _ONE_THREAD}


def _token_environment() -> dict[str, str]:
    """Authentication of a private Ray: a token made for it, whatever the user's clusters want.

    Its ports listen on all interfaces, so it is never without one. Ray's own default leaves a token
    in the user's home folder, readable by all, and a later `ray start --head` silently changes its
    mode when it finds one.
    """
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def _ray_environment(
    defaults: Mapping[str, str], fixed: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Set variables that Ray and its servers read.

    Args:
        defaults: Values that the user has set win over these.
        fixed: These win; the user's come back at the end.
    """
    unset = {name: value for name, value in defaults.items() if name not in os.environ}
    added = unset | dict(fixed or {})
    before = {name: os.environ[name] for name in added if name in os.environ}
    os.environ.update(added)
    reread_ray_environment()
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        os.environ.update(before)
        reread_ray_environment()


def reread_ray_environment() -> None:
    """Make Ray look at RAY_* again: it keeps what it saw at its import, and the first token."""
    from ray._raylet import (  # type: ignore[attr-defined]  # compiled, has no stub
        AuthenticationTokenLoader,
        Config,
    )

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _signals(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    """Handle signals so for a while; only the main thread can ask that, others change nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
