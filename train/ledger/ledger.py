"""The trial ledger: what every trial that ever ran for a problem earned out of sample.

One Parquet file a trial, `<root>/<problem>/<trial id>.parquet`, never rewritten: a verdict that
deflates by the number of trials needs all of them. `<root>/<problem>/.chain.jsonl` holds a row a
trial, with the hash of its file, in a hash chain: what is missing or changed is found and named.
"""

from collections.abc import Set
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.errors import DataError
from cluster.files import canonical_json, sha256_of
from cluster.hash_chain import ChainWriter, Fault, HashChain
from train.ledger.readings import ReadingLog
from train.ledger.record import TrialRecord, problem_id
from train.stats.metrics import sharpe_ratio

if TYPE_CHECKING:
    import polars as pl

CHAIN_FILE = ".chain.jsonl"  # hidden: it belongs to this home, and is not published

__all__ = ["CHAIN_FILE", "TrialLedger", "TrialRecord", "problem_id"]


class TrialLedger:
    """The ledger under one folder; any number of processes may append at the same time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def append(self, record: TrialRecord) -> Path:
        """Write one trial; appending the very same trial again changes nothing.

        Raises:
            DataError: the trial id is taken by a trial that tells something else.
        """
        from train.ledger import parquet as trial_file

        path = self.root / record.problem / f"{record.trial_id}.parquet"
        with self.chain(record.problem).writing() as chain:
            _adopt(chain, path.parent, "found")
            written = trial_file.create(path, record)
            _adopt(chain, path.parent, "appended")
        if not written and not trial_file.read(path).same_as(record):
            raise DataError(
                f"trial {record.trial_id} is in the ledger already, with other content",
                f"{path} is never rewritten",
                "give the new trial an id of its own",
            )
        return path

    def chain(self, problem: str) -> HashChain:
        """The hash chain of a problem."""
        return HashChain(self.root / problem / CHAIN_FILE, "trial_id")

    def adopt(self, problem: str) -> int:
        """Chain the trials that have no row: of a killed writer, fetched, or from before chains.

        Returns how many there were; appending does the same.
        """
        if not _files(self.root / problem):
            return 0
        with self.chain(problem).writing() as chain:
            return _adopt(chain, self.root / problem, "found")

    def digests(self, problem: str) -> tuple[tuple[str, str], ...]:
        """Trial id and SHA-256 of the file, of every row of the chain."""
        rows = self.chain(problem).rows()
        return tuple((str(row["trial_id"]), str(row["sha256"])) for row in rows)

    def faults(self, problem: str) -> list[Fault]:
        """What was removed, changed or moved since it was written; empty for a whole ledger.

        Trials without a row are no fault: see `adopt`. The readings of the test window count as
        well.
        """
        chain = self.chain(problem)
        digests = {path.stem: sha256_of(path) for path in _files(self.root / problem)}
        faults = chain.faults()
        seen: set[str] = set()
        for row in chain.rows():
            trial = str(row.get("trial_id"))
            fault = _file_fault(row, digests.get(trial), twice=trial in seen)
            faults += [Fault(int(row.get("row", 0)), f"trial {trial} {fault}")] if fault else []
            seen.add(trial)
        return faults + self.readings(problem).faults()

    def readings(self, problem: str) -> ReadingLog:
        """How often, and by whom, the test windows of a problem were read."""
        return ReadingLog(self.root, problem)

    def problems(self) -> list[str]:
        """The problems that have at least one trial."""
        if not self.root.is_dir():
            return []
        return sorted(folder.name for folder in self.root.iterdir() if _files(folder))

    def problems_on(self, fingerprints: Set[str]) -> list[str]:
        """The problems whose trials were made on one of these markets."""
        return [p for p in self.problems() if _market_of(self.root / p) in fingerprints]

    def records(self, problem: str) -> list[TrialRecord]:
        """Every trial of a problem, oldest first; an unknown problem has none.

        Raises:
            DataError: a file is damaged; names it.
        """
        from train.ledger import parquet as trial_file

        records = [trial_file.read(path) for path in _files(self.root / problem)]
        return sorted(records, key=lambda record: (record.created, record.trial_id))

    def find(self, problem: str, trial_id: str) -> TrialRecord | None:
        """One trial of a problem, None when it has not ended.

        Raises:
            DataError: its file is damaged.
        """
        from train.ledger import parquet as trial_file

        path = self.root / problem / f"{trial_id}.parquet"
        return trial_file.read(path) if path.is_file() else None

    def trials(self, problem: str) -> "pl.DataFrame":
        """A table, one row a trial: its fields, `test_days`, and `test_sharpe` (a year)."""
        import polars as pl

        rows = [_summary(record) for record in self.records(problem)]
        return pl.DataFrame(rows, schema=summary_schema(), orient="row")


def _adopt(chain: ChainWriter, folder: Path, how: str) -> int:
    """Give every trial that has none a row, oldest file first."""
    known = {row.get("trial_id") for row in chain.rows()}
    missing = [path for path in _files(folder) if path.stem not in known]
    now = datetime.now(UTC).isoformat()
    chain.append(
        [
            {"trial_id": path.stem, "sha256": sha256_of(path), "how": how, "at": now}
            for path in sorted(missing, key=lambda path: (path.stat().st_mtime_ns, path.name))
        ]
    )
    return len(missing)


def _file_fault(row: dict[str, Any], digest: str | None, *, twice: bool) -> str:
    if twice:
        return "is in the chain twice"
    if digest is None:
        return "is missing: its file was deleted"
    return "" if digest == row.get("sha256") else "was changed: its file is not the one written"


def _market_of(folder: Path) -> str:
    """Fingerprint of the first trial that can be read; "" where none can."""
    from train.ledger import parquet as trial_file

    for path in _files(folder):
        try:
            return trial_file.read(path).data_fingerprint
        except DataError:  # named by whoever judges on this problem
            continue
    return ""


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet")) if folder.is_dir() else []


def summary_schema() -> dict[str, Any]:
    """Columns and types of `TrialLedger.trials`."""
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
        "code_version": pl.String,
        "data_fingerprint": pl.String,
        "created": pl.Datetime("us", "UTC"),
        "test_days": pl.Int64,
        "test_sharpe": pl.Float64,
    }


def _summary(record: TrialRecord) -> list[Any]:
    days = len(record.test_returns)
    computed = {
        "config": canonical_json(record.config).decode(),
        "test_days": days,
        "test_sharpe": sharpe_ratio(record.test_returns) if days >= 2 else None,
    }
    return [computed.get(name, getattr(record, name, None)) for name in summary_schema()]
