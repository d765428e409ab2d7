"""The ledger: nothing lost, nothing rewritten, damage found."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.errors import DataError
from train.ledger.ledger import TrialLedger, TrialRecord, problem_id
from train.ledger.names import WalkFold
from train.stats.metrics import sharpe_ratio

Make = Callable[..., TrialRecord]
PROBLEM = "0123456789abcdef"


@pytest.fixture
def ledger(tmp_path: Path) -> TrialLedger:
    return TrialLedger(tmp_path / "ledger")


def test_a_trial_comes_back_as_it_went_in(ledger: TrialLedger, trial: Make) -> None:
    record = trial()

    path = ledger.append(record)
    (back,) = ledger.records(PROBLEM)

    assert path == ledger.root / PROBLEM / "demo-1-a.parquet"
    assert back.same_as(record)
    assert back.created == record.created
    np.testing.assert_array_equal(back.test_returns, record.test_returns)


def test_what_a_trial_is_a_fold_of_comes_back(ledger: TrialLedger, trial: Make) -> None:
    of_a_walk = trial(trial_id="a.fold1-x", sweep="a.fold1", walk=WalkFold("a", 1))
    alone = trial(trial_id="a.fold1-y", sweep="a.fold1")  # a user may call a sweep so

    for record in (of_a_walk, alone):
        ledger.append(record)

    walks = [ledger.find(PROBLEM, name).walk for name in ("a.fold1-x", "a.fold1-y")]
    assert walks == [WalkFold("a", 1), None]
    assert ledger.find(PROBLEM, "a.fold1-z") is None


def test_a_trial_from_before_the_field_is_a_fold_by_its_name(
    ledger: TrialLedger, trial: Make
) -> None:
    # given: files as they were written before records said what they are a fold of
    for name in ("a.fold1", "alone"):
        path = ledger.append(trial(trial_id=f"{name}-x", sweep=name))
        older = pq.read_table(path).drop_columns(["walk", "fold"])
        pq.write_table(older, path, write_page_checksum=True, store_schema=False)

    records = ledger.records(PROBLEM)

    assert [record.walk for record in records] == [WalkFold("a", 1), None]
    assert records[0].same_as(trial(trial_id="a.fold1-x", sweep="a.fold1", walk=WalkFold("a", 1)))


def test_an_empty_ledger_has_no_problems_and_no_trials(ledger: TrialLedger) -> None:
    assert ledger.problems() == []
    assert ledger.trials(PROBLEM).shape == (0, 15)


def test_the_table_tells_every_trial_oldest_first(ledger: TrialLedger, trial: Make) -> None:
    early, late = (datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2))
    ledger.append(trial(trial_id="late", created=late))
    ledger.append(
        trial(
            trial_id="early",
            created=early,
            status="failed",
            validation_sharpe=None,
            test_dates=[],
            test_returns=np.array([]),
        )
    )

    table = ledger.trials(PROBLEM)

    assert ledger.problems() == [PROBLEM]
    assert table["trial_id"].to_list() == ["early", "late"]
    assert table["status"].to_list() == ["failed", "completed"]
    assert table["test_days"].to_list() == [0, 3]
    assert table["test_sharpe"].to_list() == [None, sharpe_ratio(trial().test_returns)]
    assert table["config"].to_list() == ['{"gamma":0.99,"n_steps":64}'] * 2


def test_appending_the_same_again_changes_nothing(ledger: TrialLedger, trial: Make) -> None:
    before = ledger.append(trial()).read_bytes()

    path = ledger.append(trial(created=datetime(2027, 1, 1, tzinfo=UTC)))

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"config": {"gamma": 0.98, "n_steps": 64}},
        {"test_returns": np.array([0.01, -0.02, 0.04])},
        {"status": "pruned"},
    ],
)
def test_a_trial_is_never_rewritten(
    ledger: TrialLedger, trial: Make, change: dict[str, object]
) -> None:
    before = ledger.append(trial()).read_bytes()

    with pytest.raises(DataError, match="demo-1-a is in the ledger already"):
        ledger.append(trial(**change))

    assert (ledger.root / PROBLEM / "demo-1-a.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"trial_id": "../escape"}, "trial_id must be"),
        ({"problem": ""}, "problem must be"),
        ({"status": "running"}, "none of completed, pruned, failed"),
        ({"created": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001
        ({"test_dates": []}, "0 test dates, 3 test returns"),
        ({"test_dates": [], "test_returns": np.array([])}, "at least two"),
        ({"test_dates": [date(2024, 1, 2)] * 3}, "do not increase"),
        ({"validation_sharpe": float("nan")}, "validation Sharpe is nan"),
        ({"test_returns": np.array([0.1, np.nan, 0.1])}, "day 1"),
    ],
)
def test_what_cannot_be_a_trial_is_refused(
    trial: Make, change: dict[str, object], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        trial(**change)


@pytest.mark.parametrize("damage", ["empty", "garbage", "truncated", "other", "renamed"])
def test_a_damaged_file_is_named(ledger: TrialLedger, trial: Make, damage: str) -> None:
    path = ledger.append(trial())
    whole = path.read_bytes()
    contents = {"empty": b"", "garbage": b"\x00garbage" * 90, "truncated": whole[:-9]}
    if damage == "other":
        import polars as pl

        pl.DataFrame({"trial_id": ["demo-1-a"]}).write_parquet(path)
    elif damage == "renamed":
        path = path.rename(path.with_name("demo-1-b.parquet"))
    else:
        path.write_bytes(contents[damage])

    with pytest.raises(DataError, match=f"{path.name} in the trial ledger is damaged"):
        ledger.trials(PROBLEM)


def test_no_flipped_bit_changes_what_a_trial_tells(ledger: TrialLedger, trial: Make) -> None:
    path = ledger.append(trial())
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    found = 0

    for place, bit in zip(
        random.integers(0, len(whole), 300), random.integers(0, 8, 300), strict=True
    ):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(bit)
        path.write_bytes(bytes(flipped))
        try:
            (back,) = ledger.records(PROBLEM)
        except DataError:
            found += 1
        else:
            np.testing.assert_array_equal(back.test_returns, trial().test_returns)

    assert found > 100


def test_what_a_killed_writer_leaves_is_no_trial(ledger: TrialLedger, trial: Make) -> None:
    path = ledger.append(trial())

    (path.parent / f".{path.name}.x7f3").write_bytes(b"half a fi")

    assert ledger.trials(PROBLEM).height == 1
    assert sorted(ledger.root.rglob("*.parquet")) == [path]


WRITER = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
import numpy as np
from train.ledger.ledger import TrialLedger, TrialRecord

ledger, writer = TrialLedger(Path(sys.argv[1])), sys.argv[2]
for number in range(12):
    for name in (f"{writer}-{number}", f"shared-{number}"):
        ledger.append(TrialRecord(
            trial_id=name, problem="p", sweep="s", scenario="demo", learner="sb3", seed=number,
            config={}, status="completed", steps=1, validation_sharpe=None,
            test_dates=[date(2024, 1, 2), date(2024, 1, 3)],
            test_returns=np.array([0.01, number / 100]), code_version="0",
            data_fingerprint="f", created=datetime.now(UTC)))
"""


def test_writers_at_the_same_time_lose_nothing(ledger: TrialLedger) -> None:
    commands = [[sys.executable, "-c", WRITER, str(ledger.root), f"w{n}"] for n in range(3)]

    writers = [subprocess.Popen(command) for command in commands]

    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    table = ledger.trials("p")
    assert table.height == 3 * 12 + 12
    assert sorted(table["seed"].to_list()) == sorted([*range(12)] * 4)


def test_a_problem_is_its_data_universe_interval_and_fold() -> None:
    base = problem_id("f", ("A", "B"), "1h", "0")

    assert base == problem_id("f", ["A", "B"], "1h", "0")
    others = {
        problem_id("g", ("A", "B"), "1h", "0"),
        problem_id("f", ("B", "A"), "1h", "0"),
        problem_id("f", ("A", "B"), "1d", "0"),
        problem_id("f", ("A", "B"), "1h", "1"),
        base,
    }
    assert len(others) == 5
