"""The endpoint as users get it: a background process with its own Ray."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from cluster.errors import PloutosError
from cluster.processes import wait_gone
from cluster.servers import free_port
from cluster.settings import Home
from cluster.tokens import read_token
from serve.auth_middleware import MAX_BODY_BYTES
from serve.client import PolicyClient
from serve.control import is_ready, serve_down, serve_status, serve_up
from serve.errors import PolicyRefusedError, PolicyUnavailableError
from serve.schema import ActRequest
from serve.state import ServeState
from train.bundle.bundle import PolicyBundle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose endpoint is ended after the last test, whatever happened."""
    home = Home(tmp_path_factory.mktemp("home"))
    yield home
    serve_down(home)


@pytest.fixture(scope="module")
def running(home: Home, bundle: Path) -> ServeState:
    return serve_up(bundle, home=home, port=free_port())


@pytest.fixture
def client(running: ServeState) -> Iterator[PolicyClient]:
    with closing(PolicyClient(running.url, read_token(running.token_path))) as client:
        yield client


def test_an_endpoint_answers_as_its_bundle_does(
    client: PolicyClient, question: dict[str, Any], bundle: Path
) -> None:
    request = ActRequest.model_validate_json(json.dumps(question))
    row = np.array([[0.5, -0.25, 1, 0, -3, 2, 0.1, 0.2, 0, 0.7, 0, 1 / 11]], np.float32)

    answer = client.act(request)

    assert answer.actions == PolicyBundle.load(bundle).act(row)[0].tolist()
    assert answer.bundle_id == client.model().bundle_id == bundle.name


def test_the_state_says_where_it_is_and_up_again_changes_nothing(
    running: ServeState, home: Home, bundle: Path
) -> None:
    assert is_ready(running)
    assert serve_status(home) == running
    assert serve_up(bundle, home=home) == running
    assert running.started <= datetime.now(UTC)
    # also with its file lost
    (home.root / "serve.json").unlink()
    found = serve_status(home)
    assert found is not None
    assert found.model_copy(update={"started": running.started}) == running
    running.save(home)


def test_a_wrong_token_is_refused(running: ServeState) -> None:
    with (
        closing(PolicyClient(running.url, "x" * 43)) as stranger,
        pytest.raises(PolicyRefusedError, match="401"),
    ):
        stranger.model()


def test_a_long_chunked_body_is_refused(running: ServeState) -> None:
    headers = {"Authorization": f"Bearer {read_token(running.token_path)}"}
    chunks = (b"x" * 50_000 for _ in range(MAX_BODY_BYTES // 50_000 + 1))

    response = httpx2.post(
        f"{running.url}/v1/act", content=chunks, headers=headers, trust_env=False
    )

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_long"


def test_the_endpoint_listens_on_loopback_only(running: ServeState) -> None:
    port = int(running.url.rpartition(":")[2])
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    listening = [line.split()[1] for line in table.splitlines() if f":{port:04X} " in line[:60]]

    assert {address.partition(":")[0] for address in listening} == {"0100007F"}


def test_the_log_holds_no_token_and_no_call(running: ServeState, client: PolicyClient) -> None:
    client.model()

    log = running.log_path.read_text()

    assert read_token(running.token_path) not in log
    assert "/v1/model" not in log


def test_a_killed_replica_is_replaced_at_the_same_address(
    running: ServeState, client: PolicyClient
) -> None:
    # given: the process that answers is killed
    (replica,) = (
        member
        for member in running.members()
        if Path(f"/proc/{member.pid}/cmdline").read_bytes().startswith(b"ray::ServeReplica")
    )
    os.kill(replica.pid, signal.SIGKILL)
    assert wait_gone({replica}, 5.0) == set()

    # when: a caller keeps asking
    answered = ""
    while not answered:
        try:
            answered = client.model().bundle_id
        except PolicyUnavailableError:
            assert running.running

    # then
    assert answered == running.bundle_id


def test_down_leaves_no_process(running: ServeState, home: Home) -> None:
    members = running.members()

    ended = serve_down(home)

    assert ended == running
    assert len(members) > 5
    assert not any(member.alive for member in members)
    assert serve_status(home) is None
    assert not is_ready(running)


def test_a_start_that_fails_shows_the_log_and_leaves_nothing(
    home: Home, make_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: Ray cannot start, since a variable of its own is no number
    monkeypatch.setenv("RAY_NUM_REDIS_GET_RETRIES", "no-such-number")
    other = make_bundle(np.ones((12, 9)))

    # when
    with pytest.raises(PloutosError, match="did not start: it ended") as caught:
        serve_up(other, home=home, port=free_port())

    # then
    assert "no-such-number" in str(caught.value)
    assert serve_status(home) is None
