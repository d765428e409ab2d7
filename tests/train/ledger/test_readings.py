"""How often a test window was read: counted before it is read, and no row can be taken back."""

from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from train.ledger.ledger import TrialLedger
from train.ledger.readings import READINGS_FILE, Reading, ReadingLog, times_read

JANUARY = ("2024-01-02", "2024-01-31")
FEBRUARY = ("2024-02-01", "2024-02-29")


def reading(first: str, last: str, bundle: str = "b1", fold: int = 0) -> Reading:
    return Reading(bundle, "verdict", fold, first, last, "cd" * 32)


def test_one_walk_over_two_folds_is_one_reading_of_each_session(tmp_path: Path) -> None:
    log = ReadingLog(tmp_path, "p")

    log.note([reading(*JANUARY, fold=0), reading(*FEBRUARY, fold=1)])

    assert times_read([log], [date(2024, 1, 15), date(2024, 2, 15)]) == 1


def test_the_session_that_was_read_most_counts(tmp_path: Path) -> None:
    log = ReadingLog(tmp_path, "p")
    log.note([reading(*JANUARY), reading(*FEBRUARY)])

    log.note([reading("2024-01-31", "2024-02-05", bundle="b2")])

    assert times_read([log], [date(2024, 1, 30)]) == 1
    assert times_read([log], [date(2024, 1, 30), date(2024, 1, 31)]) == 2
    assert times_read([log], [date(2024, 3, 1)]) == 0


def test_a_row_says_who_when_and_what(tmp_path: Path) -> None:
    log = ReadingLog(tmp_path, "p")

    log.note([reading(*JANUARY, bundle="0a1b", fold=2)])

    (row,) = log.rows()
    assert (row["bundle"], row["fold"], row["occasion"]) == ("0a1b", 2, "verdict")
    assert row["who"]
    assert row["at"].startswith("20")


def test_a_removed_reading_is_a_fault_of_the_ledger(tmp_path: Path) -> None:
    log = TrialLedger(tmp_path).readings("p")
    for bundle in ("b1", "b2", "b3"):
        log.note([reading(*JANUARY, bundle=bundle)])
    path = tmp_path / "p" / READINGS_FILE
    lines = path.read_bytes().splitlines(keepends=True)

    path.write_bytes(lines[0] + lines[2])

    faults = [str(fault) for fault in TrialLedger(tmp_path).faults("p")]
    assert any(text.startswith("row 2: of the readings: missing") for text in faults)


@given(st.lists(st.tuples(st.integers(1, 28), st.integers(1, 28)), max_size=8))
def test_the_count_is_that_of_the_deepest_overlap(spans: list[tuple[int, int]]) -> None:
    days = [date(2024, 2, day) for day in range(1, 29)]
    rows = [
        {"first": f"2024-02-{low:02}", "last": f"2024-02-{high:02}"}
        for low, high in map(sorted, spans)
    ]

    class Kept(ReadingLog):
        def rows(self) -> list[dict[str, str]]:
            return rows

    counted = times_read([Kept(Path("nowhere"), "p")], days)

    depth = [sum(low <= day.day <= high for low, high in map(sorted, spans)) for day in days]
    assert counted == max(depth)
