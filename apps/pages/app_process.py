"""The Streamlit server as a child process, reading one home."""

import os
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster.closing import Closing
from cluster.errors import PloutosError
from cluster.files import write_atomic
from cluster.processes import end, family
from cluster.servers import get, refuse_busy_port, wait_until_ready

_ROOT = Path(__file__).resolve().parents[2]  # holds .streamlit/config.toml
_FOREIGN = "STREAMLIT_"  # variables that would change the app's port, address or theme
_ENTRY = Path(__file__).with_name("streamlit_app.py")


@dataclass(frozen=True)
class AppProcess(Closing):
    """A running app; ends with `close`, or with the `with` block."""

    process: subprocess.Popen[bytes]
    url: str

    def wait(self) -> int:
        """Block until the server ends; returns its exit code."""
        return self.process.wait()

    def close(self) -> None:
        """End the server and whatever it started."""
        end(family(self.process.pid), grace_s=3.0)
        self.process.wait()


def start_app(home: Path, port: int, *, timeout_s: float = 60.0) -> AppProcess:
    """Start the app on 127.0.0.1 and wait until it answers.

    Args:
        home: The PLOUTOS_HOME that it reads; its output goes to `logs/app.log` there.
        port: TCP port.
        timeout_s: How long it may take to answer.

    Raises:
        UsageError: the port is busy.
        PloutosError: the server ended, or did not answer in time.
    """
    refuse_busy_port(port, "ploutos app open")
    log = home / "logs" / "app.log"
    write_atomic(log, b"", mode=0o600)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            _command(port),
            cwd=_ROOT,
            env=_environment(home.absolute()),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    app = AppProcess(process, f"http://127.0.0.1:{port}")
    try:
        _wait_until_healthy(app, log, timeout_s)
    except BaseException:
        app.close()
        raise
    return app


def _environment(home: Path) -> dict[str, str]:
    """Ours, less what other Streamlit apps of this user are set to.

    Streamlit reads `~/.streamlit` besides the app's own folder: so the server's user folder is the
    home. Packages that are installed for this user only are found as before.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    if site.ENABLE_USER_SITE:
        env["PYTHONUSERBASE"] = site.getuserbase()
    return env | {"PLOUTOS_HOME": str(home), "HOME": str(home)}


def _command(port: int) -> list[str]:
    options = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true"}
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(_ENTRY), *flags]


def _wait_until_healthy(app: AppProcess, log: Path, timeout_s: float) -> None:
    why = wait_until_ready(lambda: _healthy(app.url), lambda: app.process.poll() is None, timeout_s)
    if why and app.process.returncode is not None:
        raise PloutosError(
            "the app ended while it started", f"exit code {app.process.returncode}", f"less {log}"
        )
    if why:
        raise PloutosError(
            f"the app did not answer within {timeout_s:.0f} s", app.url, f"less {log}"
        )


def _healthy(url: str) -> bool:
    response = get(f"{url}/_stcore/health")
    return response is not None and response.status_code == 200
