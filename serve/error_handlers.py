"""Every error of the endpoint as the same JSON."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from serve.errors import Refusal
from serve.schema import Fault, FaultEnvelope

_ADVICE = "see /openapi.json for the schema of the request"
_SHOWN_FAULTS = 3


def envelope(refusal: Refusal, headers: dict[str, str] | None = None) -> JSONResponse:
    """The response of a refusal; a 401 names the scheme that it wants."""
    fault = Fault(code=refusal.code, what=refusal.what, why=refusal.why, next=refusal.advice)
    challenge = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return JSONResponse(
        FaultEnvelope(error=fault).model_dump(), refusal.status, {**challenge, **(headers or {})}
    )


def add_handlers(app: FastAPI) -> None:
    """Answer every refusal and failure of `app` in an envelope."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return envelope(error)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    why = _faults(error.errors())
    return envelope(
        Refusal(422, "invalid_request", "the request is invalid", why=why, advice=_ADVICE)
    )


def _faults(errors: Sequence[Any]) -> str:
    """The first few faults by place; their values are left out, since JSON cannot hold NaN."""
    shown = [
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
        for error in errors[:_SHOWN_FAULTS]
    ]
    hidden = len(errors) - len(shown)
    return "; ".join(shown) + (f"; and {hidden} more" if hidden else "")


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = {404: "no_such_path", 405: "wrong_method"}.get(error.status_code, "bad_request")
    what = f"{request.method} {request.url.path} is refused"
    refusal = Refusal(error.status_code, code, what, why=str(error.detail), advice=_ADVICE)
    return envelope(refusal, dict(error.headers or {}))


def _failed(request: Request, error: Exception) -> JSONResponse:
    refusal = Refusal(
        500,
        "internal_error",
        "the endpoint failed",
        why=type(error).__name__,
        advice="read the log that ploutos serve status names",
    )
    return envelope(refusal)
