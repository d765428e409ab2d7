"""How the parts of a sweep and of a walk-forward are called, and where they lie.

`sweeps/<sweep>/` holds the plan of a sweep and its trials, `sweeps/<walk>/` the plan of a walk and
the policies of its folds; each fold is a sweep of its own, `sweeps/<walk>.fold<k>/`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from cluster.settings import Home

PLAN_FILE = "sweep.json"
WALK_FILE = "walk.json"
_FOLD = re.compile(r"(?P<walk>.+)\.fold(?P<fold>\d+)")


@dataclass(frozen=True)
class WalkFold:
    """Which fold of which walk-forward a sweep is."""

    walk: str
    fold: int  # counted from 0

    @property
    def sweep(self) -> str:
        """The name of its sweep."""
        return f"{self.walk}.fold{self.fold}"


def fold_of_name(sweep: str) -> WalkFold | None:
    """What a sweep is a fold of by its name alone.

    For records from before they said so themselves: anyone may call a sweep `a.fold1`.
    """
    match = _FOLD.fullmatch(sweep)
    return WalkFold(match["walk"], int(match["fold"])) if match else None


def policies_of_walk(home: Home, walk: str) -> Path:
    """Where the policies lie that validation chose in the folds, one bundle each."""
    return home.sweeps / walk / "policies"
