"""How often a test window was read: one row a reading, beside the trials of its problem.

`<ledger>/<problem>/.readings.jsonl` is a hash chain. A row is written before the window is walked:
whoever is killed in between has read it all the same. That each trial's own path is entered when
it ends is no reading in this sense: it is counted as a trial.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cluster.hash_chain import Fault, HashChain
from cluster.user import user_name

READINGS_FILE = ".readings.jsonl"  # hidden: it belongs to this home, and is not published


@dataclass(frozen=True)
class Reading:
    """One walk of one policy through a test window."""

    bundle: str  # id of the policy
    occasion: str  # what asked for it: "verdict", "promotion", ...
    fold: int  # of the bundle's folds; -1: bars that came later
    first: str  # session, ISO date
    last: str  # session, ISO date
    data: str  # fingerprint of the market


class ReadingLog:
    """The readings of one problem."""

    def __init__(self, ledger: Path, problem: str) -> None:
        self._chain = HashChain(ledger / problem / READINGS_FILE, "bundle")

    def note(self, readings: Iterable[Reading]) -> None:
        """Write down that these windows are about to be read, by whom and when.

        Raises:
            PloutosError: no space or no permission; then nothing may be read.
        """
        by = {"who": user_name(), "at": datetime.now(UTC).isoformat()}
        with self._chain.writing() as chain:
            chain.append([asdict(reading) | by for reading in readings])

    def rows(self) -> list[dict[str, Any]]:
        """Every reading, oldest first."""
        return self._chain.rows()

    def faults(self) -> list[Fault]:
        """Rows that were removed, changed or moved."""
        return [
            Fault(fault.row, f"of the readings: {fault.what}") for fault in self._chain.faults()
        ]


def times_read(logs: Iterable[ReadingLog], dates: Iterable[date]) -> int:
    """How often the session was read that was read most of these."""
    spans = [(str(row["first"]), str(row["last"])) for log in logs for row in log.rows()]
    counts = (sum(first <= day.isoformat() <= last for first, last in spans) for day in dates)
    return max(counts, default=0)
