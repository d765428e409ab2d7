import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serve.auth_middleware import MAX_BODY_BYTES
from serve.endpoint import create_endpoint
from serve.service import PolicyService

TOKEN = "correct-token-of-more-than-thirty-two-characters"
PATHS = [
    "/v1/act",
    "/v1/model",
    "/openapi.json",
    "/docs",
    "/nowhere",
    "/",
    "/healthz/",
    "//healthz",
]


@pytest.fixture
def stranger(service: PolicyService) -> Iterator[TestClient]:
    """A client without a token."""
    with TestClient(create_endpoint(service, TOKEN)) as client:
        yield client


class Connection:
    """One ASGI request, counting how much of its body is asked for."""

    def __init__(self, headers: dict[str, str], chunks: Iterable[bytes]) -> None:
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/v1/act",
            "raw_path": b"/v1/act",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": raw,
            "server": ("127.0.0.1", 8700),
            "client": ("127.0.0.1", 50_000),
        }
        self._chunks = iter(chunks)
        self.bytes_read = 0
        self.status = 0
        self.code = ""

    async def receive(self) -> dict[str, Any]:
        chunk = next(self._chunks, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        self.bytes_read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message.get("body"):
            self.code = json.loads(message["body"])["error"]["code"]


def answer(service: PolicyService, connection: Connection) -> tuple[int, str]:
    app: Any = create_endpoint(service, TOKEN)
    asyncio.run(app(connection.scope, connection.receive, connection.send))
    return connection.status, connection.code


@pytest.mark.parametrize("path", PATHS)
def test_every_path_but_the_probes_wants_the_token(stranger: TestClient, path: str) -> None:
    response = stranger.get(path)

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "wrong_token"
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200)])
def test_the_probes_are_open(stranger: TestClient, path: str, status: int) -> None:
    assert stranger.get(path).status_code == status


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"bearer {TOKEN}",
        f"Bearer  {TOKEN}",
        f"Bearer {TOKEN} ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        "Bearer \xff\xfe",
    ],
)
def test_anything_but_the_very_token_is_refused(service: PolicyService, value: str) -> None:
    connection = Connection({}, [b"{}"])
    connection.scope["headers"] = [(b"authorization", value.encode("latin-1"))]

    assert answer(service, connection) == (401, "wrong_token")


def test_two_tokens_are_refused_even_if_one_is_right(stranger: TestClient) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]

    assert stranger.get("/v1/model", headers=headers).status_code == 401


def test_the_token_is_not_looked_for_in_the_url(stranger: TestClient) -> None:
    assert stranger.get(f"/v1/model?token={TOKEN}").status_code == 401


def test_without_the_token_not_a_byte_of_the_body_is_read(service: PolicyService) -> None:
    connection = Connection({"Content-Length": "2"}, [b"{}"])

    assert answer(service, connection) == (401, "wrong_token")
    assert connection.bytes_read == 0


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 5000, "-1", "1e3", "0x10", "²"])
def test_an_announced_length_is_judged_before_reading(service: PolicyService, length: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": length}
    connection = Connection(headers, [b"x" * 1000])

    assert answer(service, connection) == (413, "body_too_long")
    assert connection.bytes_read == 0


def test_a_body_without_an_announced_length_is_cut_off(service: PolicyService) -> None:
    # given: a chunked body without an end
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 64_000

    connection = Connection({"Authorization": f"Bearer {TOKEN}"}, endless())

    # when, then
    assert answer(service, connection) == (413, "body_too_long")
    assert MAX_BODY_BYTES < connection.bytes_read <= MAX_BODY_BYTES + 64_000


def test_the_longest_allowed_body_is_read(endpoint: TestClient) -> None:
    body = b'{"a": 1}'.ljust(MAX_BODY_BYTES)

    response = endpoint.post("/v1/act", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 422
    assert endpoint.post("/v1/act", content=body + b" ").status_code == 413


def test_the_probes_take_no_long_body_either(stranger: TestClient) -> None:
    assert stranger.post("/healthz", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413


def test_a_websocket_is_closed(stranger: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/v1/act"):
        pass


def test_the_schema_is_behind_the_token_and_names_every_path(endpoint: TestClient) -> None:
    schema = endpoint.get("/openapi.json").json()

    assert set(schema["paths"]) == {"/healthz", "/readyz", "/v1/model", "/v1/act"}
    assert set(schema["paths"]["/v1/act"]["post"]["responses"]) >= {"200", "401", "409", "413"}
