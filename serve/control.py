"""Starting, finding and ending the endpoint of one home, as a background process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from cluster.errors import LockedError, PloutosError
from cluster.locks import locked
from cluster.processes import end, reap, start_background, wait_gone
from cluster.servers import get, refuse_busy_port, wait_until_ready
from cluster.settings import Home
from cluster.tokens import ensure_token
from serve.schema import Ready
from serve.state import HOST, ServeState, host_command

DEFAULT_PORT = 8700
_GRACE_S = 10.0
_LOG_LINES_SHOWN = 15
_REPOSITORY = Path(__file__).resolve().parent.parent


def serve_up(
    bundle: Path, *, home: Home, port: int = DEFAULT_PORT, wait_s: float = 90.0
) -> ServeState:
    """Serve a bundle on 127.0.0.1 and return once it answers.

    The same bundle already being served is a success; its port then stays as it is.

    Raises:
        BundleError: the bundle is refused.
        LockedError: another bundle is being served, or another command is starting one.
        UsageError: the port is busy.
        PloutosError: the endpoint ended, or was not ready after `wait_s`; shows its last lines.
    """
    from train.bundle.bundle import PolicyBundle

    bundle_id = PolicyBundle.load(bundle).manifest.bundle_id
    with _only_one(home):
        present = _running(home)
        if present:
            return _already_up(present, bundle_id)
        refuse_busy_port(port, "ploutos serve up", HOST)
        state = _start(bundle.resolve(), bundle_id, home, port)
        try:
            why = wait_until_ready(lambda: is_ready(state), lambda: state.running, wait_s)
            if why:
                raise _failure(state, why)
        except BaseException:
            _end(state, home)
            raise
        return state


def serve_status(home: Home) -> ServeState | None:
    """The endpoint that runs now, or None.

    What is left of a killed one is cleaned up, unless another command is starting or ending one.
    """
    state = ServeState.load(home)
    if state is None or state.running:
        return state
    with suppress(LockedError), _only_one(home):
        return _running(home)
    return None


def _running(home: Home) -> ServeState | None:
    """As `serve_status`, for who is the only one."""
    state = ServeState.load(home)
    if state and not state.running:
        _end(state, home)
        return None
    return state


def serve_down(home: Home) -> ServeState | None:
    """End the endpoint and everything that it started; returns what ran, None if nothing did."""
    with _only_one(home):
        state = _running(home)
        if state:
            _end(state, home)
        return state


def is_ready(state: ServeState) -> bool:
    """Whether the endpoint answers that its policy is loaded."""
    response = get(f"{state.url}/readyz")
    return response is not None and _names(response.content) == state.bundle_id


def _names(answer: bytes) -> str | None:
    """The bundle that an answer of /readyz names; None where it is another kind of answer."""
    try:
        return Ready.model_validate_json(answer).bundle_id
    except ValidationError:
        return None


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Keep two commands from starting or ending the same endpoint at once."""
    busy = LockedError(
        f"the endpoint of {home.root} is being started or ended",
        "another command is at it",
        "ploutos serve status",
    )
    with locked(home.root / "serve.lock", busy=busy):
        yield


def _already_up(present: ServeState, bundle_id: str) -> ServeState:
    if present.bundle_id == bundle_id:
        return present
    raise LockedError(
        f"bundle {present.bundle_id} is already being served at {present.url}",
        f"it is not the asked {bundle_id}",
        "ploutos serve down",
    )


def _start(bundle: Path, bundle_id: str, home: Home, port: int) -> ServeState:
    token_path = home.tokens / "serve"
    ensure_token(token_path)
    log = home.logs / "serve.log"
    command = host_command(bundle, port, token_path)
    leader = start_background(command, log=log, env=_host_environment())
    state = ServeState(
        pid=leader.pid,
        start_ticks=leader.start_ticks,
        url=f"http://{HOST}:{port}",
        bundle_id=bundle_id,
        bundle_path=bundle,
        token_path=token_path,
        log_path=log,
        started=datetime.now(UTC),
    )
    state.save(home)
    return state


def _host_environment() -> dict[str, str]:
    """Ours, less a cluster that we may be attached to: the endpoint brings its own Ray."""
    env = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    paths = [str(_REPOSITORY), *filter(None, [env.get("PYTHONPATH")])]
    return env | {"PYTHONPATH": os.pathsep.join(paths)}


def _failure(state: ServeState, why: str) -> PloutosError:
    lines = state.log_path.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    shown = "".join(f"\n    {line}" for line in lines)
    return PloutosError(
        f"the endpoint for bundle {state.bundle_id} did not start",
        f"{why}; the last lines of {state.log_path}:{shown}",
        "correct what they name, then ploutos serve up",
    )


def _end(state: ServeState, home: Home) -> None:
    """SIGTERM to the leader, which ends its Ray; then to whatever of the session is left."""
    members = state.members()
    if state.running:
        end({state.leader}, grace_s=_GRACE_S)
        wait_gone(members, 2.0)
    end(members | state.members(), grace_s=2.0)
    reap(state.leader)
    state.clear(home)
