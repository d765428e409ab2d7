"""A trial as a Parquet file: written once, whole or not at all, with a checksum on every page."""

import io
import json
import os
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cluster.errors import DataError
from cluster.files import canonical_json, storage_errors, sync_folder
from train.ledger.names import WalkFold, fold_of_name
from train.ledger.record import TrialEnd, TrialRecord

SCHEMA = pa.schema(
    {
        "trial_id": pa.string(),
        "problem": pa.string(),
        "sweep": pa.string(),
        "scenario": pa.string(),
        "learner": pa.string(),
        "seed": pa.int64(),
        "config": pa.string(),  # JSON
        "status": pa.string(),
        "steps": pa.int64(),
        "validation_sharpe": pa.float64(),
        "test_dates": pa.list_(pa.field("element", pa.date32())),
        "test_returns": pa.list_(pa.field("element", pa.float64())),
        "code_version": pa.string(),
        "data_fingerprint": pa.string(),
        "created": pa.timestamp("us", "UTC"),
        "walk": pa.string(),  # null: its sweep is no fold of a walk
        "fold": pa.int64(),
    }
)
_BEFORE_WALKS = pa.schema([field for field in SCHEMA if field.name not in ("walk", "fold")])


def create(path: Path, record: TrialRecord) -> bool:
    """Write a file that did not exist; False when there is one (a link never replaces).

    Raises:
        PloutosError: no space or no permission.
    """
    data = _encode(record)
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


def read(path: Path) -> TrialRecord:
    """The trial in a file.

    Raises:
        DataError: the file is damaged, or stands under a name that is not its own.
    """
    try:
        record = _decode(path.read_bytes())
        if (record.problem, record.trial_id) != (path.parent.name, path.stem):
            raise DataError(f"it holds trial {record.trial_id} of problem {record.problem}")
    except (pa.ArrowException, ValueError, TypeError, OSError, DataError) as error:
        raise DataError(
            f"{path} in the trial ledger is damaged",
            str(error).splitlines()[0],
            "restore it from a copy: without it, no verdict on this problem can be trusted",
        ) from error
    return record


def _encode(record: TrialRecord) -> bytes:
    row: dict[str, Any] = {field.name: getattr(record, field.name) for field in fields(record)}
    row["config"] = canonical_json(record.config).decode()
    row["test_dates"] = list(record.test_dates)
    row["walk"] = record.walk.walk if record.walk else None
    row["fold"] = record.walk.fold if record.walk else None
    buffer = io.BytesIO()
    table = pa.Table.from_pylist([row], schema=SCHEMA)
    pq.write_table(table, buffer, write_page_checksum=True, store_schema=False)
    return buffer.getvalue()


def _decode(data: bytes) -> TrialRecord:
    table = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
    named = table.schema.equals(_BEFORE_WALKS)
    if not (named or table.schema.equals(SCHEMA)) or table.num_rows != 1:
        raise DataError("it does not hold one trial")
    row = table.to_pylist()[0]
    walk, fold = row.pop("walk", None), row.pop("fold", None)
    row["walk"] = WalkFold(walk, fold) if walk else None
    if named:
        row["walk"] = fold_of_name(row["sweep"])
    row["config"] = json.loads(row["config"])
    row["status"] = TrialEnd(row["status"])
    row["test_returns"] = np.asarray(row["test_returns"], np.float64)
    return TrialRecord(**row)
