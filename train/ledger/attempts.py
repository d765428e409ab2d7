"""What was tried: each trial, and of a walk each configuration and seed as one path over its folds.

The ledger has a row a fold. Deflation and the probability of overfitting ask how many ways there
were to get a path over the whole test period, so the rows of one walk with the same configuration
and seed are one attempt. The same attempt of a walk made again, to the last return, is the same
draw and is counted once; with another step, seed, return or version of the code it is another.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.files import canonical_json
from envs.arrays import Float64
from train.ledger.ledger import summary_schema
from train.ledger.record import TrialEnd, TrialRecord
from train.stats.metrics import sharpe_ratio

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class Attempt:
    """A trial of a sweep; or one configuration with one seed, through the folds of one walk."""

    walk: str  # "" for a trial of a sweep
    records: tuple[TrialRecord, ...]  # one a fold that has ended, oldest first

    @property
    def path(self) -> dict[date, float]:
        """Return of every test session that it has."""
        pairs = (zip(r.test_dates, r.test_returns.tolist(), strict=True) for r in self.records)
        return {day: value for rows in pairs for day, value in rows}

    @property
    def status(self) -> TrialEnd:
        """The worst of its folds."""
        return max((record.status for record in self.records), key=tuple(TrialEnd).index)

    @property
    def validation_sharpe(self) -> float | None:
        """Median over its folds."""
        known = [r.validation_sharpe for r in self.records if r.validation_sharpe is not None]
        return median(known) if known else None

    def identity(self) -> bytes:
        """All that makes it another draw than a second one."""
        first = self.records[0]
        if not self.walk:
            return first.trial_id.encode()
        days = [[day.isoformat(), value] for day, value in sorted(self.path.items())]
        steps = [record.steps for record in self.records]
        made_by = [first.scenario, first.learner, first.config, first.seed, first.code_version]
        return canonical_json([*made_by, self.status, steps, days])


def attempts(records: Iterable[TrialRecord]) -> list[Attempt]:
    """Every different attempt, trials of sweeps as they are given.

    Attempts of one walk stand where its first one began, by configuration and seed, so that their
    order does not depend on which trial happened to end first.
    """
    groups: dict[tuple[str, bytes, int], list[TrialRecord]] = {}
    began: dict[str, int] = {}
    for record in records:
        walk = _walk_of(record)
        drawn = [record.learner, record.config] if walk else record.trial_id
        began.setdefault(walk or record.trial_id, len(began))
        key = (walk or record.trial_id, canonical_json(drawn), record.seed)
        groups.setdefault(key, []).append(record)
    unique: dict[bytes, Attempt] = {}
    for _, rows in sorted(groups.items(), key=lambda item: (began[item[0][0]], *item[0][1:])):
        rows.sort(key=lambda row: list(row.test_dates[:1]))
        attempt = Attempt(_walk_of(rows[0]), tuple(rows))
        unique.setdefault(attempt.identity(), attempt)
    return list(unique.values())


def attempt_table(tried: Sequence[Attempt]) -> "pl.DataFrame":
    """One row an attempt, with the columns of `TrialLedger.trials`."""
    import polars as pl

    rows = [_row(number, attempt) for number, attempt in enumerate(tried, start=1)]
    return pl.DataFrame(rows, schema=summary_schema(), orient="row")


def attempt_paths(tried: Sequence[Attempt], dates: Sequence[date]) -> Float64:
    """Returns (N, D) over these sessions, of the attempts that have them all."""
    paths = (attempt.path for attempt in tried)
    rows = [[path[day] for day in dates] for path in paths if path.keys() >= set(dates)]
    return np.array(rows).reshape(len(rows), len(dates))


def _walk_of(record: TrialRecord) -> str:
    return record.walk.walk if record.walk else ""


def _row(number: int, attempt: Attempt) -> list[Any]:
    first, path = attempt.records[0], attempt.path
    returns = np.array([path[day] for day in sorted(path)])
    values: dict[str, Any] = vars(first) | {
        "trial_id": f"{attempt.walk} #{number}" if attempt.walk else first.trial_id,
        "sweep": attempt.walk or first.sweep,
        "config": canonical_json(first.config).decode(),
        "status": attempt.status,
        "steps": sum(record.steps for record in attempt.records),
        "validation_sharpe": attempt.validation_sharpe,
        "test_days": len(returns),
        "test_sharpe": sharpe_ratio(returns) if len(returns) >= 2 else None,
    }
    return [values[name] for name in summary_schema()]
