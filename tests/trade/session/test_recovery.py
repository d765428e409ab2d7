"""`kill -9` anywhere, then resume: the same orders, the same fills, the same equity."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import ConfigError, DataError, UsageError
from places import ROOT
from trade.journal.events import SessionStarted
from trade.journal.journal import Journal, read_journal
from trade.journal.journal_format import Record
from trade.journal.state import state_from_journal
from trade.risk.limits import RiskLimits
from trade.session.replay import replay_table

REPLAY = """
import importlib.util, sys
from pathlib import Path
import numpy as np
sys.path.append(str(Path(sys.argv[1]).parents[1]))  # what several tests share
spec = importlib.util.spec_from_file_location("trader_bars", sys.argv[1])
bars = importlib.util.module_from_spec(spec)
sys.modules["trader_bars"] = bars
spec.loader.exec_module(bars)
from trade.session.replay import replay_table
table, ask = bars.busy_request(Path(sys.argv[2]), resume=True)
if len(sys.argv) > 3:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    replay_table(ask, table)
except bars.PloutosError as error:
    sys.exit(str(error))
"""


def run(
    journal: Path, failpoint: str = "", max_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """A replay in a process of its own, whose files may grow to `max_bytes`."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    if failpoint:
        environment["PLOUTOS_FAILPOINT"] = failpoint
    command = [sys.executable, "-c", REPLAY, str(ROOT / "tests" / "trade" / "conftest.py")]
    command += [str(journal), *([str(max_bytes)] if max_bytes else [])]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def story(journal: Path) -> list[tuple[str, object]]:
    """What happened, without when it was written."""
    records = read_journal(journal)
    assert len({r.event.payload()["client_order_id"] for r in records if r.kind == "fill"}) == sum(
        r.kind == "fill" for r in records
    )
    return [(r.kind, r.event.payload()) for r in records]


@pytest.fixture(scope="module")
def undisturbed(busy_request, tmp_path_factory: pytest.TempPathFactory) -> list:
    # the journal's stem names the session, so that every order has the same id in every run
    journal = tmp_path_factory.mktemp("undisturbed") / "session.jsonl"
    table, ask = busy_request(journal)
    result = replay_table(ask, table)
    assert result.fills > 20
    assert result.protection_exits > 2
    assert result.denials
    return story(journal)


@pytest.mark.parametrize(
    "failpoint",
    [
        "before_intent:2",
        "after_intent:1",
        "after_intent:4",
        "after_order:1",
        "after_order:12",
        "after_submit:3",
        "after_submit:12",
        "after_fill:5",
    ],
)
def test_a_killed_replay_resumes_without_a_lost_or_doubled_order(
    failpoint: str, undisturbed, journal: Path
) -> None:
    # given a replay that dies by SIGKILL
    assert run(journal, failpoint).returncode == -signal.SIGKILL
    killed_at = len(read_journal(journal))
    assert 0 < killed_at < len(undisturbed)
    # when it is resumed in another process
    assert run(journal).returncode == 0
    # then the journal tells the same story as if nothing had happened
    assert story(journal) == undisturbed


@pytest.mark.parametrize("max_bytes", [5_000, 17_777])
def test_a_full_disk_stops_the_session_with_nothing_sent_unrecorded(
    max_bytes: int, undisturbed, journal: Path
) -> None:
    # given a disk that has room for some records only
    full = run(journal, max_bytes=max_bytes)
    # then the session ends in one message, and its journal is a beginning of the story
    assert full.returncode == 1
    assert "cannot write journal" in full.stderr
    assert "Traceback" not in full.stderr
    begun = story(journal)
    assert begun == undisturbed[: len(begun)]
    # and with space it goes on
    assert run(journal).returncode == 0
    assert story(journal) == undisturbed


def cut(lines: list[bytes], count: int, journal: Path) -> None:
    journal.write_bytes(b"".join(lines[:count]))


def test_resuming_after_any_record_tells_the_same_story(
    undisturbed, busy_request, tmp_path: Path
) -> None:
    # given a whole journal
    whole = tmp_path / "whole" / "session.jsonl"
    table, ask = busy_request(whole)
    replay_table(ask, table)
    lines = whole.read_bytes().splitlines(keepends=True)
    journal = tmp_path / "session.jsonl"
    for count in range(0, len(lines) + 1, 13):
        # when it is resumed from a prefix of it
        cut(lines, count, journal)
        table, ask = busy_request(journal, resume=True)
        replay_table(ask, table)
        # then it ends as the whole one
        assert story(journal) == undisturbed


def test_resuming_an_ended_session_changes_nothing(busy_request, journal: Path) -> None:
    table, ask = busy_request(journal)
    replay_table(ask, table)
    before = journal.read_bytes()
    table, ask = busy_request(journal, resume=True)
    replay_table(ask, table)
    assert journal.read_bytes() == before


def test_an_existing_journal_is_not_written_over(busy_request, journal: Path) -> None:
    table, ask = busy_request(journal)
    replay_table(ask, table)
    with pytest.raises(UsageError, match="exists"):
        replay_table(ask, table)


def test_a_session_is_not_resumed_under_other_terms_or_over_other_bars(
    busy_request, journal: Path
) -> None:
    table, ask = busy_request(journal)
    replay_table(ask, table)
    table, ask = busy_request(journal, resume=True, limits=RiskLimits(daily_loss=0.5))
    with pytest.raises(ConfigError, match="its limits was"):
        replay_table(ask, table)
    for array in ("close", "volume", "volatility", "features"):
        table, ask = busy_request(journal, resume=True)
        getattr(table, array)[5, 0] *= 1.001
        with pytest.raises(ConfigError, match="its data was"):
            replay_table(ask, table)


def test_bars_that_correlation_was_measured_on_are_the_session_s_too(
    walk_table, scripted, request_for, journal: Path
) -> None:
    # given: a session that begins at bar 28, with a gate that looks 20 bars back
    table, limits = walk_table(bars=60), RiskLimits(correlation_bars=20)
    asked = {"limits": limits, "start": date(2025, 3, 7)}
    replay_table(request_for(table, scripted(table, {}), journal, **asked), table)
    again = request_for(table, scripted(table, {}), journal, resume=True, **asked)

    table.close[7] *= 1.001  # before those
    replay_table(again, table)
    table.close[8] *= 1.001  # the first of them
    with pytest.raises(ConfigError, match="its data was"):
        replay_table(again, table)


def rewritten(journal: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The journal as if its first record had been written otherwise."""
    records = read_journal(journal)
    payload = records[0].event.payload()
    change(payload)
    events = [SessionStarted(**payload), *(record.event for record in records[1:])]
    journal.unlink()
    with Journal(journal) as writer:
        for event in events:
            writer.append(event)


def test_a_journal_from_before_a_setting_is_read_with_its_default(
    busy_request, undisturbed, journal: Path
) -> None:
    # given: journals that know one limit or parameter fewer, cut off in the middle
    table, ask = busy_request(journal)
    replay_table(ask, table)
    whole = journal.read_bytes()
    for group, name in (("limits", "correlation"), ("params", "commission")):
        journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:60]))
        rewritten(journal, lambda payload, group=group, name=name: payload[group].pop(name))
        # when they are resumed under that default
        table, ask = busy_request(journal, resume=True)
        replay_table(ask, table)
        # then they tell the same story
        assert story(journal)[1:] == undisturbed[1:]


def test_a_setting_of_which_the_default_is_another_is_refused(busy_request, journal: Path) -> None:
    table, ask = busy_request(journal)
    replay_table(ask, table)
    rewritten(journal, lambda payload: payload["limits"].pop("daily_loss"))

    table, ask = busy_request(journal, resume=True)
    with pytest.raises(ConfigError, match="its limits was"):
        replay_table(ask, table)


def test_a_session_whose_bars_were_told_otherwise_is_refused_in_a_sentence(
    busy_request, journal: Path
) -> None:
    table, ask = busy_request(journal)
    replay_table(ask, table)
    rewritten(journal, lambda payload: payload.update(data="c" * 64))

    table, ask = busy_request(journal, resume=True)
    with pytest.raises(ConfigError, match="an older version of Ploutos began it"):
        replay_table(ask, table)


def test_folding_twice_gives_the_same_state(busy_request, journal: Path) -> None:
    table, ask = busy_request(journal)
    result = replay_table(ask, table)
    records = read_journal(journal)
    assert state_from_journal(records) == state_from_journal(records)
    account = state_from_journal(records).account
    assert account.equity == result.final_equity
    with Journal(journal) as again:
        assert state_from_journal(again.recovered).account == account


def test_a_doubled_fill_record_is_no_journal_of_a_session(busy_request, journal: Path) -> None:
    table, ask = busy_request(journal)
    replay_table(ask, table)
    records = read_journal(journal)
    fill = next(record for record in records if record.kind == "fill")
    doubled = Record.chained(records[-1], "now", fill.event)
    with pytest.raises(DataError, match="filled twice"):
        state_from_journal([*records, doubled])


def test_the_breaker_survives_a_restart(flat_table, scripted, request_for, journal: Path) -> None:
    # given a session that lost 10 % at bar 3 and died right after
    table = flat_table(bars=12, assets=2)
    table.close[3:] = table.open[3:] = 90.0
    limits = RiskLimits(
        max_position=1.0, portfolio_risk=1.0, correlation_bars=3, min_correlation_bars=3
    )
    actions = {0: {"S0": 1}, 5: {"S0": 1}}
    params = {"slippage_model": "none", "buy_pct": 1.0, "max_position_pct": 0.9}
    ask = request_for(table, scripted(table, actions), journal, params, limits=limits)
    replay_table(ask, table)
    lines = journal.read_bytes().splitlines(keepends=True)
    fall = next(
        n
        for n, r in enumerate(read_journal(journal))
        if r.event.payload().get("equity", 1e9) < 95e3
    )
    for kept in (fall + 1, fall + 2):
        # when it is resumed, with the halt record lost or not
        cut(lines, kept, journal)
        again = request_for(
            table, scripted(table, actions), journal, params, limits=limits, resume=True
        )
        result = replay_table(again, table)
        # then the entry at bar 5 is still denied
        assert (result.halts, result.denials) == (1, {"DAILY_LOSS": 1})
