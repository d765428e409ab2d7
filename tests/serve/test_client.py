import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cluster.servers import free_port
from serve.client import PolicyClient
from serve.errors import PolicyRefusedError, PolicyUnavailableError
from serve.schema import ActRequest

TOKEN = "correct-token-of-more-than-thirty-two-characters"
REFUSAL = {"error": {"code": "other_symbols", "what": "w", "why": "y", "next": "n"}}


@dataclass
class Script:
    """What the server does with each request in turn; the last line is repeated."""

    lines: list[tuple[int, Any]]
    seen: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, authorization
    hold: threading.Event = field(default_factory=threading.Event)
    dripped: threading.Event = field(default_factory=threading.Event)

    def next_line(self) -> tuple[int, Any]:
        return self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]


class Handler(BaseHTTPRequestHandler):
    """Answers as the script of its server says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        script: Script = self.server.script  # type: ignore[attr-defined]
        script.seen.append((self.command, self.path, self.headers["Authorization"]))
        status, content = script.next_line()
        if content == "hold":
            script.hold.wait(10)
        if content in ("drop", "hold"):
            self.close_connection = True
            return
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        if content in ("drip", "drip headers"):
            self._drip(script, headers=content != "drip")
            return
        self.send_header("Content-Length", str(len(body)))
        if status == 307:
            self.send_header("Location", "/elsewhere")
        if content == "no gzip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, script: Script, *, headers: bool) -> None:
        """A byte now and then, until the test is over or the client has gone."""
        self.send_header("Content-Length", "999999")
        self.flush_headers() if headers else self.end_headers()
        with suppress(OSError):
            while not script.hold.wait(0.02):
                self.wfile.write(b"x")
        script.dripped.set()
        self.close_connection = True

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


Play = Callable[..., tuple[PolicyClient, Script]]


@pytest.fixture
def play() -> Iterator[Play]:
    """Starts a server with a script, and a client of it."""
    closers: list[Callable[[], object]] = []

    def start(*lines: tuple[int, Any], timeout_s: float = 5.0) -> tuple[PolicyClient, Script]:
        script = Script(list(lines))
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.script = script  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        client = PolicyClient(url, TOKEN, timeout_s=timeout_s)
        closers.extend([client.close, script.hold.set, server.shutdown, server.server_close])
        return client, script

    yield start
    for close in closers:
        close()


@pytest.fixture
def request_(question: dict[str, Any]) -> ActRequest:
    return ActRequest.model_validate_json(json.dumps(question))


@pytest.fixture
def answer() -> dict[str, Any]:
    return {
        "decision_id": "demo-0001",
        "bundle_id": "b" * 16,
        "actions": [0, 1, 2],
        "probabilities": [[1.0, 0.0, 0.0]] * 3,
        "latency_ms": 0.5,
    }


def test_a_decision_comes_back_typed(
    play: Play, request_: ActRequest, answer: dict[str, Any]
) -> None:
    client, script = play((200, answer))

    assert client.act(request_).actions == [0, 1, 2]
    assert script.seen == [("POST", "/v1/act", f"Bearer {TOKEN}")]


@pytest.mark.parametrize("fault", [(503, REFUSAL), (503, "<html>busy</html>"), (0, "drop")])
def test_a_lost_call_is_repeated_twice(
    play: Play, request_: ActRequest, answer: dict[str, Any], fault: tuple[int, Any]
) -> None:
    client, script = play(fault, fault, (200, answer))

    assert client.act(request_).decision_id == "demo-0001"
    assert len(script.seen) == 3


@pytest.mark.parametrize("fault", [(503, REFUSAL), (0, "drop")])
def test_after_three_tries_the_policy_is_unavailable(
    play: Play, request_: ActRequest, fault: tuple[int, Any]
) -> None:
    client, script = play(fault)

    with pytest.raises(PolicyUnavailableError) as caught:
        client.act(request_)

    assert len(script.seen) == 3
    assert caught.value.next_command
    assert TOKEN not in str(caught.value)


def test_nobody_at_the_port_is_unavailable(request_: ActRequest) -> None:
    with (
        closing(PolicyClient(f"http://127.0.0.1:{free_port()}", TOKEN)) as client,
        pytest.raises(PolicyUnavailableError, match="no answer from"),
    ):
        client.act(request_)


def test_a_silent_endpoint_is_asked_once_only(play: Play, request_: ActRequest) -> None:
    client, script = play((0, "hold"), timeout_s=0.2)

    with pytest.raises(PolicyUnavailableError):
        client.act(request_)

    assert len(script.seen) == 1


@pytest.mark.parametrize("content", ["drip", "drip headers"])
def test_the_time_is_that_of_the_whole_call(
    play: Play, request_: ActRequest, answer: dict[str, Any], content: str
) -> None:
    # given: an answer that comes byte by byte and would never end
    client, script = play((200, content), (200, answer), timeout_s=0.3)

    with pytest.raises(PolicyUnavailableError, match=r"no whole answer within 0\.3 s"):
        client.act(request_)

    # then its connection is given up, and the next call has one of its own
    assert script.dripped.wait(10)
    assert not script.hold.is_set()
    assert client.act(request_).decision_id == "demo-0001"


def test_repeated_calls_share_that_time(play: Play, request_: ActRequest) -> None:
    client, script = play((503, REFUSAL), (503, REFUSAL), (0, "hold"), timeout_s=0.4)

    with pytest.raises(PolicyUnavailableError):
        client.act(request_)

    assert len(script.seen) == 3


def test_an_answer_that_cannot_be_unpacked_is_unavailable(play: Play, request_: ActRequest) -> None:
    client, _ = play((200, "no gzip"))

    with pytest.raises(PolicyUnavailableError, match="no answer from"):
        client.act(request_)


@pytest.mark.parametrize("status", [400, 401, 404, 405, 409, 413, 422])
def test_a_refusal_is_not_repeated_and_keeps_its_reason(
    play: Play, request_: ActRequest, status: int
) -> None:
    client, script = play((status, REFUSAL))

    with pytest.raises(PolicyRefusedError) as caught:
        client.act(request_)

    assert (caught.value.status, caught.value.code) == (status, "other_symbols")
    assert str(caught.value) == f"w: y (HTTP {status})\n  next: n"
    assert len(script.seen) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502])
def test_a_failure_of_the_endpoint_is_unavailable(
    play: Play, request_: ActRequest, status: int
) -> None:
    client, script = play((status, "Internal Server Error"))

    with pytest.raises(PolicyUnavailableError, match=f"HTTP {status}"):
        client.act(request_)

    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decision_id", "another-decision"),
        ("actions", [0, 1]),
        ("actions", [0, 1, 3]),
        ("actions", [0, 1, True]),
        ("actions", None),
        ("probabilities", [[float("nan")] * 3] * 3),
        ("probabilities", [[1.5, 0.0, -0.5]] * 3),
        ("probabilities", [[0.5, 0.5]] * 3),
        ("probabilities", [[1.0, 0.0, 0.0]] * 2),
        ("surprise", 1),
    ],
)
def test_an_answer_that_does_not_fit_is_not_acted_on(
    play: Play, request_: ActRequest, answer: dict[str, Any], name: str, value: object
) -> None:
    client, _ = play((200, answer | {name: value}))

    with pytest.raises(PolicyUnavailableError):
        client.act(request_)


@pytest.mark.parametrize("content", ["", "<html>hello</html>", "[]"])
def test_a_server_that_is_no_endpoint_is_said_to_be_none(play: Play, content: str) -> None:
    client, _ = play((200, content))

    with pytest.raises(PolicyUnavailableError, match="does not answer as a policy endpoint"):
        client.model()


def test_a_redirect_is_not_followed_with_the_token(play: Play) -> None:
    client, script = play((307, ""))

    with pytest.raises(PolicyRefusedError, match="HTTP 307"):
        client.model()

    assert [path for _, path, _ in script.seen] == ["/v1/model"]


def test_a_proxy_of_the_environment_is_not_used(
    play: Play, request_: ActRequest, answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    client, _ = play((200, answer))

    assert client.act(request_).bundle_id == "b" * 16


def test_the_client_needs_neither_ray_nor_a_model_runtime() -> None:
    script = (
        "import sys, serve.client, serve.control\n"
        "heavy = {'ray', 'torch', 'onnxruntime', 'onnx', 'fastapi', 'pandas', 'numba', 'polars'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout == b"[]\n"
