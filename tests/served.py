"""An endpoint in the test's own process, as `ploutos serve up` leaves one."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn

from cluster.processes import Process
from cluster.servers import free_port
from cluster.settings import Home
from cluster.tokens import ensure_token
from serve.endpoint import create_endpoint
from serve.service import PolicyService
from serve.state import ServeState
from train.bundle.stages import bundle_to_serve


@contextmanager
def served(home: Home) -> Iterator[str]:
    """The home's default bundle behind the real ASGI application, without Ray; its address."""
    bundle, port = bundle_to_serve(home)[0], free_port()
    service = PolicyService()
    service.load(bundle)
    token = home.tokens / "serve"
    application = create_endpoint(service, ensure_token(token))
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    ours = Process.of(os.getpid())
    assert ours is not None
    url = f"http://127.0.0.1:{port}"
    ServeState(
        pid=ours.pid,
        start_ticks=ours.start_ticks,
        url=url,
        bundle_id=bundle.name,
        bundle_path=bundle,
        token_path=token,
        log_path=home.logs / "serve.log",
        started=datetime.now(UTC),
    ).save(home)
    while not server.started:
        time.sleep(0.01)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()
