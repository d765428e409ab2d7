"""How the parts of a walk-forward are called, and where they lie.

`sweeps/<walk>/` holds its plan and the policies of its folds; each fold is a sweep of its own,
`sweeps/<walk>.fold<k>/`.
"""

import re
from pathlib import Path

from cluster.settings import Home

WALK_FILE = "walk.json"
_FOLD = re.compile(r"(?P<walk>.+)\.fold(?P<fold>\d+)")


def fold_sweep(walk: str, fold: int) -> str:
    """The name of the sweep of one fold, counted from 0."""
    return f"{walk}.fold{fold}"


def walk_of(sweep: str) -> str:
    """The walk that a sweep is a fold of, "" when its name is none of a fold."""
    match = _FOLD.fullmatch(sweep)
    return match["walk"] if match else ""


def policies_of_walk(home: Home, walk: str) -> Path:
    """Where the policies lie that validation chose in the folds, one bundle each."""
    return home.sweeps / walk / "policies"
