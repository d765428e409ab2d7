"""`python -m serve.host`: a private Ray with the policy endpoint, until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from cluster.entry.prepare import prepare_process
from cluster.ray_runtime import attached_ray
from cluster.servers import free_port
from serve.state import HOST

_REQUEST_TIMEOUT_S = 10.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve one bundle on 127.0.0.1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token-path", type=Path, required=True)
    options = parser.parse_args(arguments)
    os.environ.update(_direct_ingress(options.port))
    stop = threading.Event()
    with attached_ray(num_cpus=2):
        for number in (signal.SIGTERM, signal.SIGINT):  # now, since Ray has set its own
            signal.signal(number, lambda *_: stop.set())
        _deploy(options.bundle, options.token_path)
        print(f"serving {options.bundle.name} on http://{HOST}:{options.port}", flush=True)
        stop.wait()


def _direct_ingress(port: int) -> dict[str, str]:
    """Let the replica itself listen on `port`: one hop, 1.3 ms a call where the proxy takes 8.

    Ray Serve reads these at import, here and in its own processes. One replica, so one port; it
    is free again at once when the replica is replaced.
    """
    return {
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(port),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(port + 1),
        "RAY_SERVE_PORT_QUARANTINE_S": "0",
    }


def _deploy(bundle: Path, token_path: Path) -> None:
    from ray import serve as ray_serve

    from serve.application import APPLICATION_NAME, policy_application

    ray_serve.start(
        http_options={  # of the proxy, which stands by on a port that nobody is told
            "host": HOST,
            "port": free_port(HOST),
            "request_timeout_s": _REQUEST_TIMEOUT_S,
        },
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
    )
    ray_serve.run(policy_application(bundle, token_path), name=APPLICATION_NAME)


if __name__ == "__main__":
    prepare_process()
    main()
