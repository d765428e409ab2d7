"""The endpoint as a Ray Serve application."""

import asyncio
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from ray import serve as ray_serve
from ray.serve import Application

from cluster.tokens import read_token
from serve.endpoint import create_endpoint
from serve.service import PolicyService

APPLICATION_NAME = "policy"
MAX_ONGOING_REQUESTS = 32
MAX_QUEUED_REQUESTS = 64  # more than these are answered 503 at once


@ray_serve.ingress()
class PolicyReplica:
    """One copy of the policy; `user_config` names the bundle, so it can be exchanged in place."""

    def __init__(self, token_path: str) -> None:
        self._token = read_token(Path(token_path))
        self._service = PolicyService()

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Load the bundle that `user_config` names, while the present one goes on answering."""
        await asyncio.to_thread(self._service.load, user_config["bundle"])

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Ray Serve in the replica."""
        return create_endpoint(self._service, self._token)


def policy_application(bundle: Path, token_path: Path) -> Application:
    """The application that serves `bundle` behind the token in `token_path`."""
    deployment = ray_serve.deployment(
        name="PolicyReplica",
        num_replicas=1,
        max_ongoing_requests=MAX_ONGOING_REQUESTS,
        max_queued_requests=MAX_QUEUED_REQUESTS,
        user_config={"bundle": str(bundle)},
        graceful_shutdown_timeout_s=5.0,
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
    )(PolicyReplica)
    return deployment.bind(str(token_path))
