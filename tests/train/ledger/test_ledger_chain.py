"""The ledger's chain: trials removed, changed or swapped are named; kill -9 breaks nothing."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from train.ledger.attempts import attempt_paths, attempts
from train.ledger.ledger import CHAIN_FILE, TrialLedger, TrialRecord

Make = Callable[..., TrialRecord]
PROBLEM = "0123456789abcdef"


@pytest.fixture
def ledger(tmp_path: Path, trial: Make) -> TrialLedger:
    """Five trials, a to e."""
    ledger = TrialLedger(tmp_path / "ledger")
    for name in "abcde":
        ledger.append(trial(trial_id=name))
    return ledger


def path_of(ledger: TrialLedger, name: str) -> Path:
    return ledger.root / PROBLEM / f"{name}.parquet"


def told(ledger: TrialLedger) -> list[str]:
    return [str(fault) for fault in ledger.faults(PROBLEM)]


def test_every_trial_has_its_row(ledger: TrialLedger) -> None:
    rows = ledger.chain(PROBLEM).rows()

    assert [(row["trial_id"], row["how"]) for row in rows] == [(n, "appended") for n in "abcde"]
    assert told(ledger) == []
    assert ledger.adopt(PROBLEM) == 0


def test_a_deleted_trial_is_named(ledger: TrialLedger) -> None:
    path_of(ledger, "c").unlink()

    assert told(ledger) == ["row 3: trial c is missing: its file was deleted"]


def test_a_changed_return_is_named(ledger: TrialLedger, trial: Make) -> None:
    from train.ledger import parquet as trial_file

    path_of(ledger, "b").unlink()
    trial_file.create(
        path_of(ledger, "b"), trial(trial_id="b", test_returns=np.array([0.01, -0.02, 0.04]))
    )

    assert told(ledger) == ["row 2: trial b was changed: its file is not the one written"]


def test_swapped_files_are_named(ledger: TrialLedger) -> None:
    one, two = (path_of(ledger, name) for name in "bd")
    contents = one.read_bytes(), two.read_bytes()
    two.write_bytes(contents[0])
    one.write_bytes(contents[1])

    assert [line.split(" was")[0] for line in told(ledger)] == ["row 2: trial b", "row 4: trial d"]


def test_swapped_rows_are_named(ledger: TrialLedger) -> None:
    path = ledger.root / PROBLEM / CHAIN_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))

    assert told(ledger) == ["row 2: trial_id b is out of place: it stands after row 3"]


def test_a_row_and_its_file_removed_together_are_found(ledger: TrialLedger) -> None:
    path = ledger.root / PROBLEM / CHAIN_FILE
    lines = path.read_bytes().splitlines(keepends=True)

    path.write_bytes(b"".join(lines[:-1]))
    path_of(ledger, "e").unlink()

    assert told(ledger) == ["row 5: missing, with all up to row 5: they were cut off the end"]


def test_a_whole_problem_that_was_deleted_is_found(ledger: TrialLedger) -> None:
    for path in (ledger.root / PROBLEM).glob("*.parquet"):
        path.unlink()

    assert len(told(ledger)) == 5


def test_a_ledger_from_before_chains_is_adopted(ledger: TrialLedger, trial: Make) -> None:
    folder = ledger.root / PROBLEM
    for path in folder.glob(f"{CHAIN_FILE}*"):
        path.unlink()
    assert told(ledger) == []

    ledger.append(trial(trial_id="f"))

    ways = {row["trial_id"]: row["how"] for row in ledger.chain(PROBLEM).rows()}
    assert ways == {**dict.fromkeys("abcde", "found"), "f": "appended"}
    assert told(ledger) == []


def test_a_trial_whose_writer_was_killed_is_adopted(ledger: TrialLedger, trial: Make) -> None:
    from train.ledger import parquet as trial_file

    trial_file.create(path_of(ledger, "f"), trial(trial_id="f"))  # and killed before its row

    assert ledger.adopt(PROBLEM) == 1
    assert ledger.chain(PROBLEM).rows()[-1]["trial_id"] == "f"
    assert told(ledger) == []


def test_adopting_nothing_makes_no_folder(tmp_path: Path) -> None:
    assert TrialLedger(tmp_path / "none").adopt(PROBLEM) == 0
    assert not (tmp_path / "none").exists()


def test_paths_are_those_that_cover_the_sessions(tmp_path: Path, trial: Make) -> None:
    ledger = TrialLedger(tmp_path)
    days = [date(2024, 1, day) for day in (2, 3, 4)]
    ledger.append(trial(trial_id="whole"))
    ledger.append(trial(trial_id="part", test_dates=days[:2], test_returns=np.array([0.5, 0.6])))
    ledger.append(trial(trial_id="none", status="failed", test_dates=[], test_returns=np.array([])))

    tried = attempts(ledger.records(PROBLEM))
    assert attempt_paths(tried, days).tolist() == [[0.01, -0.02, 0.03]]
    assert attempt_paths(tried, days[:2]).tolist() == [[0.5, 0.6], [0.01, -0.02]]
    assert attempt_paths(tried, [*days, date(2024, 1, 5)]).shape == (0, 4)


WRITER = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
import numpy as np
from train.ledger.ledger import TrialLedger, TrialRecord

ledger, writer = TrialLedger(Path(sys.argv[1])), sys.argv[2]
for number in range(2000):
    ledger.append(TrialRecord(
        trial_id=f"{writer}-{number}", problem="p", sweep="s", scenario="demo", learner="sb3",
        seed=number, config={}, status="completed", steps=1, validation_sharpe=None,
        test_dates=[date(2024, 1, 2), date(2024, 1, 3)],
        test_returns=np.array([0.01, number / 100]), code_version="0",
        data_fingerprint="f", created=datetime.now(UTC)))
    print(f"{writer}-{number}", flush=True)
"""


def test_killed_writers_lose_nothing_and_break_nothing(tmp_path: Path) -> None:
    ledger = TrialLedger(tmp_path / "ledger")
    acknowledged: set[str] = set()

    for round_ in range(2):
        commands = [
            [sys.executable, "-c", WRITER, str(ledger.root), f"{round_}-{n}"] for n in range(3)
        ]
        writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
        for writer in writers:
            assert writer.stdout is not None
            acknowledged.add(writer.stdout.readline().decode().strip())
        time.sleep(0.3)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            told_last, _ = writer.communicate()
            whole = told_last.decode().split("\n")[:-1]
            acknowledged.update(whole)
        assert ledger.faults("p") == []

    ledger.adopt("p")
    rows = [row["trial_id"] for row in ledger.chain("p").rows()]
    assert acknowledged <= set(rows)
    assert len(rows) == len(set(rows)) == ledger.trials("p").height
    assert ledger.faults("p") == []
