"""The file that says which endpoint of this home runs, so that any later command finds it."""

from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cluster.files import canonical_json, write_atomic
from cluster.processes import Process, session_members
from cluster.settings import Home


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
        """The state of this home; None when there is none, or none that can be read."""
        try:
            return cls.model_validate_json(_path(home).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    @staticmethod
    def clear(home: Home) -> None:
        """Remove the file."""
        _path(home).unlink(missing_ok=True)


def _path(home: Home) -> Path:
    return home.root / "serve.json"
