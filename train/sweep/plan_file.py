"""The plan of a sweep or of a walk, written down once: its name, its file, how to go on with it."""

import json
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from cluster.errors import DataError, UsageError
from cluster.files import check_name, is_plain_name, newest_first, write_atomic
from cluster.settings import Home
from train.ledger.names import PLAN_FILE, WALK_FILE, fold_of_name
from train.scenarios.scenario import PloutosConfig


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
        if not self.exists(home, name):
            raise UsageError(f"no {self._noun} {name}", f"{path} is not there", self._list_command)
        try:
            return self._kind.model_validate_json(path.read_bytes())
        except ValidationError as error:
            why = " ".join(str(error).split())[:200]
            raise DataError(f"{path} is damaged", why, "start anew, under another name") from error

    def exists(self, home: Home, name: str) -> bool:
        """Whether there is one."""
        return is_plain_name(name) and self._path(home, name).is_file()

    def names(self, home: Home) -> list[str]:
        """Those of a home, newest first."""
        folders = [path.parent for path in home.sweeps.glob(f"*/{self._file}")]
        return [folder.name for folder in newest_first(folders, self._created)]

    def _created(self, folder: Path) -> str:
        return str(json.loads((folder / self._file).read_bytes())["created"])

    def _path(self, home: Home, name: str) -> Path:
        return home.sweeps / name / self._file


def check_sweep_name(home: Home, name: str, *, is_fold: bool = False) -> None:
    """Refuse what is no name, is taken, or is that of a fold and shall be none.

    Raises:
        UsageError: it is.
    """
    check_name(name, "sweep")
    if fold_of_name(name) and not is_fold:
        why = "so the folds of walk-forwards are called"
        raise UsageError(f"{name!r} is no name for a sweep", why, "choose another name")
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
