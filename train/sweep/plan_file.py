"""The plan of a sweep or of a walk, written down once: its name, its file, how to go on with it."""

import json
import re
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cluster.errors import DataError, UsageError
from cluster.files import write_atomic
from cluster.settings import Home
from train.ledger.names import PLAN_FILE, WALK_FILE
from train.scenarios.scenario import PloutosConfig

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class Plan(BaseModel):
    """What the plans of sweeps and of walks have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    created: AwareDatetime
    config: dict[str, Any]  # a PloutosConfig
    problem: str  # of the trial ledger
    code_version: str

    def scenario(self) -> PloutosConfig:
        """The scenario that is run, in each fold of a walk."""
        return PloutosConfig.model_validate(self.config)


PlanT = TypeVar("PlanT", bound=Plan)


class PlanFile(Generic[PlanT]):
    """Where one kind of plan lies, `sweeps/<name>/<file>`: whole or not at all, never rewritten."""

    def __init__(self, file: str, kind: type[PlanT], *, noun: str, list_command: str) -> None:
        self._file, self._kind = file, kind
        self._noun, self._list_command = noun, list_command

    def write(self, home: Home, plan: PlanT) -> None:
        """Write a plan whose name was checked.

        Raises:
            PloutosError: no space or no permission.
        """
        write_atomic(self._path(home, plan.name), plan.model_dump_json(indent=2).encode())

    def read(self, home: Home, name: str) -> PlanT:
        """The plan of that name.

        Raises:
            UsageError: there is none.
            DataError: it was damaged.
        """
        path = self._path(home, name)
        if not path.is_file():
            raise UsageError(f"no {self._noun} {name}", f"{path} is not there", self._list_command)
        try:
            return self._kind.model_validate_json(path.read_bytes())
        except ValidationError as error:
            why = " ".join(str(error).split())[:200]
            raise DataError(f"{path} is damaged", why, "start anew, under another name") from error

    def exists(self, home: Home, name: str) -> bool:
        """Whether there is one."""
        return self._path(home, name).is_file()

    def names(self, home: Home) -> list[str]:
        """Those of a home, newest first."""
        paths = home.sweeps.glob(f"*/{self._file}")
        dated = sorted((path.stat().st_mtime_ns, path.parent.name) for path in paths)
        return [name for _, name in reversed(dated)]

    def _path(self, home: Home, name: str) -> Path:
        return home.sweeps / name / self._file


def check_sweep_name(home: Home, name: str) -> None:
    """Refuse what is no name, or is taken.

    Raises:
        UsageError: it is.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a sweep", "use letters, digits, '_', '.' and '-'"
        )
    if (home.sweeps / name).exists():
        raise UsageError(
            f"sweep {name} exists already",
            f"its trials lie in {home.sweeps / name}",
            f"{resume_command(home, name)}, or choose another name",
        )


def resume_command(home: Home, name: str) -> str:
    """What goes on with a sweep, or with the walk-forward of that name, or that it is a fold of."""
    for walk in (name, _walk_of(home, name)):
        if walk and (home.sweeps / walk / WALK_FILE).exists():
            return f"ploutos judge run --resume {walk}"
    return f"ploutos tune resume {name}"


def _walk_of(home: Home, sweep: str) -> str:
    """What the plan of a sweep says; "" also of one that is missing or damaged."""
    try:
        return str(json.loads((home.sweeps / sweep / PLAN_FILE).read_bytes())["walk"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
