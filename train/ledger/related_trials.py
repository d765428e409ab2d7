"""Everything that was ever tried on the same bars: what a verdict is deflated by.

A sweep's problem names its fold, a walk's does not, and both may have been tried on one market. So
a verdict counts the trials of its own problem, and those of every other problem of the same data.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from envs.arrays import Float64
from train.ledger.attempts import Attempt, attempt_paths, attempt_table, attempts
from train.ledger.ledger import TrialLedger
from train.ledger.readings import ReadingLog

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class Tried:
    """The trials that count for one problem."""

    ledger: TrialLedger
    problem: str
    related: tuple[str, ...]  # other problems on the same data
    own: Sequence[Attempt]
    others: Sequence[Attempt]

    @property
    def table(self) -> "pl.DataFrame":
        """One row an attempt, its own first."""
        return attempt_table([*self.own, *self.others])

    def paths(self, dates: Sequence[date]) -> Float64:
        """Returns (N, D) of those that have all these sessions."""
        return attempt_paths([*self.own, *self.others], dates)

    @property
    def log(self) -> ReadingLog:
        """Where a reading for this problem is counted."""
        return self.ledger.readings(self.problem)

    @property
    def logs(self) -> list[ReadingLog]:
        """Every log that may tell of a reading of the same sessions."""
        return [self.ledger.readings(problem) for problem in (self.problem, *self.related)]


def tried_on(ledger: TrialLedger, problem: str, fingerprints: Set[str]) -> Tried:
    """What was tried for a problem, and for others on these markets.

    Raises:
        DataError: a file of the ledger is damaged.
    """
    related = tuple(p for p in ledger.problems_on(fingerprints) if p != problem)
    for each in (problem, *related):
        ledger.adopt(each)
    others = [record for each in related for record in ledger.records(each)]
    return Tried(ledger, problem, related, attempts(ledger.records(problem)), attempts(others))
