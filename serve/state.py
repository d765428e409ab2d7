"""The file that says which endpoint of this home runs, so that any later command finds it."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import psutil
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cluster.files import canonical_json, write_atomic
from cluster.processes import Process, session_members
from cluster.settings import Home

HOST: Final = "127.0.0.1"
_MODULE: Final = "serve.host"


class ServeState(BaseModel):
    """A running endpoint: its process leads a session that all its Ray processes belong to."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    pid: int
    start_ticks: int  # tells the process from a later one with its pid
    url: str
    bundle_id: str
    bundle_path: Path
    token_path: Path
    log_path: Path
    started: AwareDatetime

    @property
    def leader(self) -> Process:
        """The process that was started."""
        return Process(self.pid, self.start_ticks)

    @property
    def running(self) -> bool:
        """Whether the process that was started still lives."""
        return self.leader.alive

    def members(self) -> set[Process]:
        """What lives of the endpoint, also of one whose leader was killed."""
        holder = Process.of(self.pid)
        return session_members(self.pid) if holder in (None, self.leader) else set()

    def save(self, home: Home) -> None:
        """Write the file."""
        write_atomic(_path(home), canonical_json(self.model_dump(mode="json")), mode=0o600)

    @classmethod
    def load(cls, home: Home) -> Self | None:
        """The state of this home, None when there is none.

        Where the file is lost or tells of a process that has ended, the endpoint is looked for
        among the processes: it was started with the token of this home.
        """
        try:
            noted = cls.model_validate_json(_path(home).read_bytes())
        except (FileNotFoundError, ValidationError):
            noted = None
        if noted is not None and noted.running:
            return noted
        return cls._of_process(home) or noted

    @classmethod
    def _of_process(cls, home: Home) -> Self | None:
        token = home.tokens / "serve"
        for found in psutil.process_iter(["cmdline", "create_time"]):
            options = host_options(found.info["cmdline"] or [])
            leader = Process.of(found.pid)
            if leader is None or options.get("--token-path") != str(token.resolve()):
                continue
            bundle = Path(options["--bundle"])
            return cls(
                pid=leader.pid,
                start_ticks=leader.start_ticks,
                url=f"http://{HOST}:{options['--port']}",
                bundle_id=bundle.name,
                bundle_path=bundle,
                token_path=token,
                log_path=home.logs / "serve.log",
                started=datetime.fromtimestamp(found.info["create_time"], UTC),
            )
        return None

    @staticmethod
    def clear(home: Home) -> None:
        """Remove the file."""
        _path(home).unlink(missing_ok=True)


def host_command(bundle: Path, port: int, token_path: Path) -> list[str]:
    """The command of an endpoint, which tells whose it is."""
    options = {"--bundle": bundle, "--port": port, "--token-path": token_path.resolve()}
    command = [sys.executable, "-P", "-m", _MODULE]
    return command + [str(part) for option in options.items() for part in option]


def host_options(command: Sequence[str]) -> dict[str, str]:
    """The options of `host_command`; empty for any other command."""
    if _MODULE not in command:
        return {}
    options = command[command.index(_MODULE) + 1 :]
    return dict(zip(options[::2], options[1::2], strict=False))


def _path(home: Home) -> Path:
    return home.root / "serve.json"
