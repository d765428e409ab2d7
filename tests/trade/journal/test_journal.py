import json
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_events import mark

from cluster.errors import DataError, LockedError, PloutosError
from cluster.files import canonical_json
from cluster.hash_chain import GENESIS, START
from trade.journal.events import Decision, SessionEnded
from trade.journal.journal import Journal, read_journal
from trade.journal.journal_format import LINKS, parse_lines
from trade.orders.orders import Side

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def write(path: Path, count: int = 4) -> bytes:
    with Journal(path, clock=lambda: NOON) as journal:
        for number in range(count):
            journal.append(mark("close", number, größer=0.1 + number))
    return path.read_bytes()


def test_records_are_numbered_and_chained(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", 3)
    records = read_journal(tmp_path / "a.jsonl")
    assert [record.seq for record in records] == [0, 1, 2]
    assert records[0].prev == GENESIS
    assert [r.prev for r in records[1:]] == [r.hash for r in records[:-1]]
    assert records[2].event == mark("close", 2, größer=2.1)
    assert records[0].ts == "2026-01-02T12:00:00+00:00"


def test_a_line_has_the_six_keys_of_the_schema(tmp_path: Path) -> None:
    line = json.loads(write(tmp_path / "a.jsonl", 1))
    assert sorted(line) == ["hash", "payload", "prev", "seq", "ts", "type"]


@pytest.mark.parametrize(
    ("kind", "payload", "why"),
    [
        ("gossip", {}, "unknown record type gossip"),
        ("session_ended", {"bar": 3}, "session_ended.equity: Field required"),
        ("session_ended", {"bar": "x", "equity": 1.0}, "session_ended.bar: Input should be"),
        ("session_ended", {"bar": 3, "equity": 1.0, "mood": 1}, "session_ended.mood: Extra"),
    ],
)
def test_a_record_of_no_known_form_is_damage(kind: str, payload: dict, why: str) -> None:
    line = canonical_json(LINKS.link({"ts": "now", "type": kind, "payload": payload}, START))
    with pytest.raises(DataError, match="damaged at line 1") as damage:
        parse_lines(line + b"\n", "a.jsonl")
    assert why in str(damage.value)


def test_a_nan_is_no_event() -> None:
    with pytest.raises(ValueError, match="finite number"):
        SessionEnded(bar=1, equity=float("nan"))


def test_a_tail_torn_at_any_byte_is_cut_and_writing_goes_on(tmp_path: Path) -> None:
    # given a journal of three records
    whole = write(tmp_path / "whole.jsonl", 3)
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    path = tmp_path / "torn.jsonl"
    for cut in range(len(whole) + 1):
        # when it is cut at this byte
        path.write_bytes(whole[:cut])
        kept = sum(end < cut for end in ends)
        # then a reader and a writer find the whole records, and the next one fits
        assert len(read_journal(path)) == kept
        with Journal(path, clock=lambda: NOON) as journal:
            assert len(journal.recovered) == kept
            journal.append(mark("close"))
        assert [r.seq for r in read_journal(path)] == list(range(kept + 1))


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jsonl", 2)
    for at in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << bit
            with pytest.raises(DataError, match=r"damaged at line [12]"):
                parse_lines(bytes(damaged), "a.jsonl")


def test_damage_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = write(path).splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b'"bar":1', b'"bar":9'), *lines[2:]]))
    with pytest.raises(DataError, match="damaged at line 2"):
        Journal(path)
    with pytest.raises(DataError, match="damaged at line 2"):
        read_journal(path)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda lines: [*lines[:2], lines[1], *lines[2:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
    ],
    ids=["duplicated", "removed", "swapped", "CRLF"],
)
def test_lines_duplicated_removed_swapped_or_mangled_are_damage(tmp_path: Path, mangle) -> None:
    lines = write(tmp_path / "a.jsonl").splitlines(keepends=True)
    with pytest.raises(DataError, match="damaged at line"):
        parse_lines(b"".join(mangle(lines)), "a.jsonl")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Decision,
            decision_id=st.text(),
            bar=st.integers(0, 2**40),
            bar_ts=st.text(),
            actions=st.dictionaries(st.text(max_size=5), st.sampled_from(Side)),
            equity=st.floats(allow_nan=False, allow_infinity=False),
            failure=st.none() | st.text(),
        ),
        max_size=5,
    )
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, events) -> None:
    path = tmp_path_factory.mktemp("journal") / "a.jsonl"
    with Journal(path) as journal:
        for event in events:
            journal.append(event)
    assert [record.event for record in read_journal(path)] == events


def test_a_second_writer_is_locked_out_at_once_with_exit_code_4(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with Journal(path), pytest.raises(LockedError, match="is in use") as refused:
        Journal(path)
    assert refused.value.exit_code == 4
    Journal(path).close()


DIE_WITH_THE_LOCK = """
import os, signal, sys
from pathlib import Path
from trade.journal.events import SessionEnded
from trade.journal.journal import Journal
Journal(Path(sys.argv[1])).append(SessionEnded(bar=0, equity=1.0))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_dead_writer_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    run = subprocess.run([sys.executable, "-c", DIE_WITH_THE_LOCK, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    with Journal(path) as journal:
        assert len(journal.recovered) == 1


FULL_DISK = """
import resource, sys
from pathlib import Path
from cluster.errors import PloutosError
from trade.journal.events import HandOver, SessionEnded
from trade.journal.journal import Journal
path = Path(sys.argv[1])
journal = Journal(path)
journal.append(SessionEnded(bar=0, equity=1.0))
size = path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, resource.RLIM_INFINITY))
try:
    journal.append(HandOver(client_order_id="id", slot="a", symbol="A", price=1.0, bar=1))
except PloutosError as error:
    print(error)
assert path.stat().st_size == size, "a short write was left behind"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(SessionEnded(bar=2, equity=1.0))
"""


def test_a_disk_that_takes_half_a_record_leaves_the_journal_whole(tmp_path: Path) -> None:
    # given a process whose file may grow by 40 bytes only
    path = tmp_path / "a.jsonl"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False
    )
    # then the append fails in one message, and the file holds whole records only
    assert run.returncode == 0, run.stderr
    assert "cannot write journal" in run.stdout
    assert "next: " in run.stdout
    assert [r.event.bar for r in read_journal(path)] == [0, 2]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_path_that_cannot_be_written_and_one_that_is_absent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PloutosError, match="cannot write journal"):
        Journal(tmp_path / "file" / "a.jsonl")
    with pytest.raises(DataError, match="cannot read journal"):
        read_journal(tmp_path / "absent.jsonl")
