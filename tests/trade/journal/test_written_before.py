"""Journals that were written before events had types: read as they are, and told the same."""

import json
from pathlib import Path
from typing import get_args

import pytest

from trade.journal import journal_queries as views
from trade.journal.audit import audit
from trade.journal.events import Event, SessionStarted
from trade.journal.journal import Journal, read_journal
from trade.session.replay_result import summarise

FOLDER = Path(__file__).parent / "written_before"
FILES = sorted(FOLDER.glob("*.jsonl"))


def test_every_kind_of_record_occurs_in_them() -> None:
    kinds = {record.kind for path in FILES for record in read_journal(path)}
    assert kinds == {event.kind for event in get_args(Event)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_line_would_be_written_the_same_today(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    for line, record in zip(lines, read_journal(path), strict=True):
        assert record.line() == line
        assert record.event.payload() == json.loads(line)["payload"]


def test_what_they_tell_is_what_it_was() -> None:
    # the numbers are those that the code before printed at the end of the replay
    gated = summarise(FOLDER / "gated.jsonl", read_journal(FOLDER / "gated.jsonl"))
    assert gated.denials == {
        "MIN_HOLDING_PERIOD": 7,
        "DAILY_LOSS": 2,
        "CORRELATION": 2,
        "HANDED_OVER": 1,
    }
    assert (gated.fills, gated.rejections, gated.halts, gated.protection_exits) == (10, 0, 1, 5)
    assert (gated.policy_failures, gated.risk_breaches) == (1, 0)
    free = summarise(FOLDER / "free.jsonl", read_journal(FOLDER / "free.jsonl"))
    assert (free.orders, free.fills, free.rejections, free.denials) == (2, 0, 2, {})


def test_the_tables_are_made_of_them() -> None:
    records = read_journal(FOLDER / "gated.jsonl")
    assert audit(records) == []
    assert views.state(records)["status"] == "ENDED"
    rows = views.orders(records)
    assert {row["status"] for row in rows} == {"filled"}
    assert {row["leg"] for row in rows} == {"entry", "stop_loss", "take_profit"}
    pairs = [(row["code"], row["other"]) for row in views.denials(records)]
    assert all(bool(other) == (code == "CORRELATION") for code, other in pairs)


def test_writing_goes_on_where_they_end(tmp_path: Path) -> None:
    path = tmp_path / "gated.jsonl"
    path.write_bytes((FOLDER / "gated.jsonl").read_bytes())
    with Journal(path) as journal:
        opening = journal.recovered[0].event
        assert isinstance(opening, SessionStarted)
        assert opening.limits is not None
        assert opening.limits["correlation_bars"] == 20
        count = len(journal.recovered)
        journal.append(journal.recovered[-1].event)
    assert len(read_journal(path)) == count + 1
