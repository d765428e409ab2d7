"""The HTTP face of a `PolicyService`, as an ASGI application that knows nothing of Ray."""

from typing import Any

from fastapi import FastAPI

from serve.auth_middleware import Gate
from serve.error_handlers import add_handlers
from serve.schema import ActRequest, ActResponse, FaultEnvelope, ModelSummary, Ready
from serve.service import PolicyService

_FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": FaultEnvelope} for status in (401, 409, 413, 422, 500, 503)
}


def create_endpoint(service: PolicyService, token: str) -> FastAPI:
    """Build the application; all but /healthz and /readyz asks for the bearer token."""
    app = FastAPI(title="Ploutos policy", version="1", docs_url=None, redoc_url=None)
    app.add_middleware(Gate, token=token)
    add_handlers(app)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"model": FaultEnvelope}})
    async def readyz() -> Ready:
        """A policy is loaded and may be asked."""
        return Ready(bundle_id=service.bundle.manifest.bundle_id)

    @app.get("/v1/model", responses=_FAULTS)
    async def model() -> ModelSummary:
        """What the policy expects, and where it comes from."""
        return service.summary()

    @app.post("/v1/act", responses=_FAULTS)
    async def act(request: ActRequest) -> ActResponse:
        """One action an asset."""
        return service.act(request)

    return app
