"""One trial of a sweep, as the ledger keeps it, and the problem that it is a trial of."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import numpy as np

from cluster.errors import DataError
from cluster.files import canonical_json
from envs.arrays import Float64
from train.ledger.names import WalkFold
from train.stats.metrics import checked

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class TrialEnd(StrEnum):
    """How a trial ended, from the best to the worst."""

    COMPLETED = "completed"  # it took all its steps
    PRUNED = "pruned"  # the scheduler stopped it on its way
    FAILED = "failed"


@dataclass(frozen=True, eq=False)
class TrialRecord:
    """One trial. A pruned or failed one counts too; without a test path, its arrays are empty."""

    trial_id: str
    problem: str  # `problem_id`
    sweep: str
    scenario: str
    learner: str
    seed: int
    config: dict[str, Any]  # the sampled parameters, plain JSON
    status: TrialEnd
    steps: int  # environment steps trained
    validation_sharpe: float | None
    test_dates: Sequence[date]  # (D,) sessions, increasing
    test_returns: Float64  # (D,) simple returns a session
    code_version: str
    data_fingerprint: str
    created: datetime  # UTC
    walk: WalkFold | None = None  # what its sweep is a fold of

    def __post_init__(self) -> None:
        why = _what_is_wrong(self)
        if why:
            raise DataError(f"trial {self.trial_id!r} cannot enter the ledger", why)

    def same_as(self, other: "TrialRecord") -> bool:
        """Whether both tell the same, but for the time of writing."""
        return self._content() == other._content()

    def _content(self) -> dict[str, Any]:
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        row["test_dates"] = list(self.test_dates)
        row["test_returns"] = self.test_returns.tolist()
        row["config"] = canonical_json(self.config)
        del row["created"]
        return row


def problem_id(data_fingerprint: str, symbols: Sequence[str], interval: str, fold: str) -> str:
    """Sixteen hex digits naming a problem: trials of one problem are deflated together."""
    named_by = [data_fingerprint, list(symbols), interval, fold]
    return hashlib.sha256(canonical_json(named_by)).hexdigest()[:16]


def _what_is_wrong(record: TrialRecord) -> str:
    for name in ("trial_id", "problem"):
        if not _NAME.fullmatch(getattr(record, name)):
            return f"{name} must be letters, digits, '_', '.' or '-', not {getattr(record, name)!r}"
    if record.status not in tuple(TrialEnd):
        return f"status {record.status!r} is none of {', '.join(TrialEnd)}"
    if record.created.tzinfo is None:
        return "created has no time zone"
    if len(record.test_dates) != len(record.test_returns):
        return f"{len(record.test_dates)} test dates, {len(record.test_returns)} test returns"
    if record.status == TrialEnd.COMPLETED and len(record.test_returns) < 2:
        return "a completed trial needs at least two test returns"
    if any(a >= b for a, b in zip(record.test_dates, record.test_dates[1:], strict=False)):
        return "test dates do not increase"
    if record.validation_sharpe is not None and not np.isfinite(record.validation_sharpe):
        return f"validation Sharpe is {record.validation_sharpe}"
    if len(record.test_returns):
        checked(record.test_returns)
    return ""
