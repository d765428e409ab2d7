"""The trial ledger: what every trial that ever ran for a problem earned out of sample.

One Parquet file a trial, `<root>/<problem>/<trial id>.parquet`, written whole or not at all and
never again: a verdict that deflates by the number of trials needs all of them.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cluster.errors import DataError
from cluster.files import canonical_json, storage_errors, sync_folder
from train.metrics import checked, sharpe_ratio

if TYPE_CHECKING:
    import polars as pl

STATUSES = ("completed", "pruned", "failed")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


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
    status: str  # one of STATUSES
    steps: int  # environment steps trained
    validation_sharpe: float | None
    test_dates: Sequence[date]  # (D,) sessions, increasing
    test_returns: npt.NDArray[np.float64]  # (D,) simple returns a session
    code_version: str
    data_fingerprint: str
    created: datetime  # UTC

    def __post_init__(self) -> None:
        why = _what_is_wrong(self)
        if why:
            raise DataError(f"trial {self.trial_id!r} cannot enter the ledger", why)

    def same_as(self, other: "TrialRecord") -> bool:
        """Whether both tell the same, but for the time of writing."""
        return self._told() == other._told()

    def _told(self) -> dict[str, Any]:
        row = {field.name: getattr(self, field.name) for field in fields(self)}
        row["test_dates"] = list(self.test_dates)
        row["test_returns"] = self.test_returns.tolist()
        row["config"] = canonical_json(self.config)
        del row["created"]
        return row


def problem_id(data_fingerprint: str, symbols: Sequence[str], interval: str, fold: str) -> str:
    """Sixteen hex digits naming a problem: trials of one problem are deflated together."""
    told = [data_fingerprint, list(symbols), interval, fold]
    return hashlib.sha256(canonical_json(told)).hexdigest()[:16]


class TrialLedger:
    """The ledger under one folder; any number of processes may append at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def append(self, record: TrialRecord) -> Path:
        """Write one trial; appending the very same trial again changes nothing.

        Raises:
            DataError: the trial id is taken by a trial that tells something else.
        """
        path = self._path(record.problem, record.trial_id)
        if not _create(path, _encode(record)) and not _read(path).same_as(record):
            raise DataError(
                f"trial {record.trial_id} is in the ledger already, with other content",
                f"{path} is never rewritten",
                "give the new trial an id of its own",
            )
        return path

    def problems(self) -> list[str]:
        """The problems that have at least one trial."""
        if not self.root.is_dir():
            return []
        return sorted(folder.name for folder in self.root.iterdir() if any(_trials(folder)))

    def records(self, problem: str) -> list[TrialRecord]:
        """Every trial of a problem, oldest first; an unknown problem has none.

        Raises:
            DataError: a file is damaged; names it.
        """
        records = [_read(path) for path in _trials(self.root / problem)]
        return sorted(records, key=lambda record: (record.created, record.trial_id))

    def trials(self, problem: str) -> "pl.DataFrame":
        """A table, one row a trial: its fields, `test_days`, and `test_sharpe` (a year)."""
        import polars as pl

        rows = [_summary(record) for record in self.records(problem)]
        return pl.DataFrame(rows, schema=_summary_schema(), orient="row")

    def daily_returns(self, problem: str) -> tuple[list[str], list[date], npt.NDArray[np.float64]]:
        """Trial ids (N,), sessions (D,) and returns (N, D), NaN where a trial lacks a session."""
        records = [record for record in self.records(problem) if len(record.test_returns)]
        dates = sorted({day for record in records for day in record.test_dates})
        column = {day: index for index, day in enumerate(dates)}
        matrix = np.full((len(records), len(dates)), np.nan)
        for row, record in enumerate(records):
            matrix[row, [column[day] for day in record.test_dates]] = record.test_returns
        return [record.trial_id for record in records], dates, matrix

    def _path(self, problem: str, trial_id: str) -> Path:
        return self.root / problem / f"{trial_id}.parquet"


def _what_is_wrong(record: TrialRecord) -> str:
    for name in ("trial_id", "problem"):
        if not _NAME.fullmatch(getattr(record, name)):
            return f"{name} must be letters, digits, '_', '.' or '-', not {getattr(record, name)!r}"
    if record.status not in STATUSES:
        return f"status {record.status!r} is none of {', '.join(STATUSES)}"
    if record.created.tzinfo is None:
        return "created has no time zone"
    if len(record.test_dates) != len(record.test_returns):
        return f"{len(record.test_dates)} test dates, {len(record.test_returns)} test returns"
    if record.status == "completed" and len(record.test_returns) < 2:
        return "a completed trial needs at least two test returns"
    if any(a >= b for a, b in zip(record.test_dates, record.test_dates[1:], strict=False)):
        return "test dates do not increase"
    if record.validation_sharpe is not None and not np.isfinite(record.validation_sharpe):
        return f"validation Sharpe is {record.validation_sharpe}"
    if len(record.test_returns):
        checked(record.test_returns)
    return ""


def _trials(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet")) if folder.is_dir() else []


def _create(path: Path, data: bytes) -> bool:
    """Write a file that did not exist, whole; False when there is one (a link never replaces)."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            try:
                os.link(file.name, path)
            except FileExistsError:
                return False
        sync_folder(path.parent)
    return True


def _file_schema() -> dict[str, Any]:
    import polars as pl

    return {
        "trial_id": pl.String,
        "problem": pl.String,
        "sweep": pl.String,
        "scenario": pl.String,
        "learner": pl.String,
        "seed": pl.Int64,
        "config": pl.String,
        "status": pl.String,
        "steps": pl.Int64,
        "validation_sharpe": pl.Float64,
        "test_dates": pl.List(pl.Date),
        "test_returns": pl.List(pl.Float64),
        "code_version": pl.String,
        "data_fingerprint": pl.String,
        "created": pl.Datetime("us", "UTC"),
    }


def _encode(record: TrialRecord) -> bytes:
    import io

    import polars as pl

    row = {field.name: getattr(record, field.name) for field in fields(record)}
    row["config"] = canonical_json(record.config).decode()
    row["test_dates"] = list(record.test_dates)
    row["test_returns"] = record.test_returns.tolist()
    buffer = io.BytesIO()
    pl.DataFrame([row], schema=_file_schema()).write_parquet(buffer)
    return buffer.getvalue()


def _read(path: Path) -> TrialRecord:
    import polars as pl

    try:
        table = pl.read_parquet(path.read_bytes())
        if dict(table.schema) != _file_schema() or table.height != 1:
            raise DataError("it does not hold one trial")
        row = table.row(0, named=True)
        row["config"] = json.loads(row["config"])
        row["test_returns"] = np.asarray(row["test_returns"], np.float64)
        row["created"] = row["created"].astimezone(UTC)
        record = TrialRecord(**row)
        if (record.problem, record.trial_id) != (path.parent.name, path.stem):
            raise DataError(f"it holds trial {record.trial_id} of problem {record.problem}")
    except (pl.exceptions.PolarsError, ValueError, OSError, DataError) as error:
        raise DataError(
            f"{path} in the trial ledger is damaged",
            str(error).splitlines()[0] if str(error) else "it is no Parquet file",
            "restore it from a copy: without it, no verdict on this problem can be trusted",
        ) from error
    return record


_SUMMARY = tuple(
    name for name in (field.name for field in fields(TrialRecord)) if not name.startswith("test_")
)


def _summary(record: TrialRecord) -> list[Any]:
    row = {name: getattr(record, name) for name in _SUMMARY}
    row["config"] = canonical_json(record.config).decode()
    days = len(record.test_returns)
    sharpe = sharpe_ratio(record.test_returns) if days >= 2 else None
    return [*row.values(), days, sharpe]


def _summary_schema() -> dict[str, Any]:
    import polars as pl

    schema = _file_schema()
    kept = {name: schema[name] for name in _SUMMARY}
    return kept | {"test_days": pl.Int64, "test_sharpe": pl.Float64}
