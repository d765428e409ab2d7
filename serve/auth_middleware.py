"""What stands before the endpoint: the token, then the size of the body."""

import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.error_handlers import envelope
from serve.errors import Refusal

MAX_BODY_BYTES = 1_000_000
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


class Gate:
    """ASGI middleware: 401 before a byte of the body is read, 413 as soon as it is too long."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._authorization = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                body = await self._admit(scope, receive)
            except Refusal as refusal:
                await envelope(refusal)(scope, receive, send)
            else:
                await self._app(scope, _replay(body, receive), send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _admit(self, scope: Scope, receive: Receive) -> bytes:
        headers = Headers(scope=scope)
        if scope["path"] not in OPEN_PATHS and not self._authorized(headers):
            raise Refusal(
                401,
                "wrong_token",
                "the bearer token is missing or wrong",
                why="every path but /healthz and /readyz needs it",
                advice="send Authorization: Bearer <token>; ploutos serve status names its file",
            )
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > MAX_BODY_BYTES:
            raise _too_long()
        return await _read(receive)

    def _authorized(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        return len(given) == 1 and secrets.compare_digest(
            given[0].encode("latin-1"), self._authorization
        )


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise _too_long()
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then waits as the real one does."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def _too_long() -> Refusal:
    return Refusal(
        413,
        "body_too_long",
        "the body is too long",
        why=f"{MAX_BODY_BYTES:,} bytes are the most",
        advice="send one bar of one universe a request",
    )
