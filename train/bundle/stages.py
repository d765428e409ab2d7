"""The stages of the bundles of a home: candidate, shadow, champion, retired.

They follow from `bundles/stages.jsonl`, a hash chain with one row a decision: who took it, when and
why. A row is never rewritten.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cluster.errors import DataError, UsageError
from cluster.hash_chain import HashChain, Row
from cluster.settings import Home
from cluster.user import user_name
from train.bundle.bundle import PolicyBundle, latest_bundle

STAGES_FILE = "stages.jsonl"

Stage = Literal["candidate", "shadow", "champion", "retired"]
Action = Literal["promote", "override", "rollback"]
_NEXT: dict[Stage, Stage] = {"candidate": "shadow", "retired": "shadow", "shadow": "champion"}


@dataclass(frozen=True)
class Decision:
    """One row of the log."""

    bundle: str
    stage: Stage
    action: Action
    why: str
    who: str
    numbers: dict[str, Any] = field(default_factory=dict)  # what the gate measured


@dataclass
class Stages:
    """Where every bundle stands after the rows of the log."""

    _stage: dict[str, Stage] = field(default_factory=dict)
    _champions: list[str] = field(default_factory=list)
    overridden: set[str] = field(default_factory=set)

    @classmethod
    def after(cls, rows: Iterable[Row]) -> "Stages":
        """Play the log."""
        stages = cls()
        for row in rows:
            stages._take(row)
        return stages

    @property
    def champion(self) -> str | None:
        """Id of the bundle that is champion now."""
        return self._champions[-1] if self._champions else None

    @property
    def previous_champion(self) -> str | None:
        """Id of the one that it replaced."""
        return self._champions[-2] if len(self._champions) > 1 else None

    def of(self, bundle: str) -> Stage:
        """Stage of a bundle; one that nobody decided about is a candidate."""
        return self._stage.get(bundle, "candidate")

    def _take(self, row: Row) -> None:
        bundle, action = row["bundle"], row["action"]
        if action == "override":
            self.overridden.add(bundle)
        if row["stage"] == "champion":
            if self.champion is not None:
                self._stage[self.champion] = "retired"
            if action == "rollback":
                self._champions.pop()
            else:
                self._champions.append(bundle)
        self._stage[bundle] = row["stage"]


def stage_log(home: Home) -> HashChain:
    """The log's chain."""
    return HashChain(home.bundles / STAGES_FILE, "bundle")


def read_stages(home: Home) -> Stages:
    """The stages of a home.

    Raises:
        DataError: the log was changed; names the row.
    """
    log = stage_log(home)
    faults = log.faults()
    if faults:
        raise DataError(
            f"{log.path} is not whole", str(faults[0]), "restore it, and its .head, from a copy"
        )
    return Stages.after(log.rows())


def target_stage(stages: Stages, bundle: str, wanted: Stage | None) -> Stage:
    """The stage that a bundle may go to next.

    Raises:
        UsageError: `wanted` is not the next one, or there is none.
    """
    now = stages.of(bundle)
    following = _NEXT.get(now)
    if following is None:
        raise UsageError(f"bundle {bundle} is champion already", "", "ploutos model list")
    if wanted not in (None, following):
        raise UsageError(
            f"bundle {bundle} cannot become {wanted}",
            f"it is {now}; the next stage is {following}",
            f"ploutos model promote {bundle} --to {following}",
        )
    return following


def enter(home: Home, decision: Decision, *, before: Stage) -> None:
    """Write a decision down, if the bundle still stands where the decision was made from.

    Raises:
        UsageError: somebody moved it in the meantime.
    """
    with stage_log(home).writing() as log:
        now = Stages.after(log.rows()).of(decision.bundle)
        if now != before:
            raise UsageError(
                f"bundle {decision.bundle} was moved in the meantime",
                f"it was {before} and is {now}",
                "ploutos model list",
            )
        log.append([vars(decision) | {"at": datetime.now(UTC).isoformat()}])


def roll_back(home: Home, why: str) -> tuple[str, str]:
    """Make the previous champion champion again; returns its id and that of the one it replaces.

    Raises:
        UsageError: there is no previous champion.
        BundleError: its bundle is gone, or damaged.
    """
    stages = read_stages(home)
    champion, previous = stages.champion, stages.previous_champion
    if champion is None or previous is None:
        raise UsageError(
            "there is no previous champion to return to",
            f"{champion} is the first one" if champion else "there is no champion at all",
            "ploutos model list",
        )
    PolicyBundle.load(home.bundles / previous)
    decision = Decision(previous, "champion", "rollback", why, user_name())
    enter(home, decision, before=stages.of(previous))
    return previous, champion


def bundle_to_serve(home: Home) -> tuple[Path, str]:
    """The champion's folder, else the newest bundle's, and in words which of them it is.

    Raises:
        BundleError: there is no bundle.
        DataError: the log of stages was changed.
    """
    champion = read_stages(home).champion
    if champion is not None:
        return home.bundles / champion, "the champion"
    return latest_bundle(home.bundles), "the newest; there is no champion"
