"""The fold: what each record means, alone and in any prefix of a journal."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_events import denial, fill, intent, mark, order, rejection, started, stop

from trade.journal.events import Decision, Event, Halt, Mark, SessionEnded
from trade.journal.journal import read_journal
from trade.journal.journal_format import Record
from trade.journal.state import SessionState, state_from_journal
from trade.orders.account import Position
from trade.session.replay import replay_table

LIMITS = {"daily_loss": 0.03}


def state_after(*events: Event, limits: dict | None = None) -> SessionState:
    state = SessionState()
    for event in (started(limits=limits), *events):
        state.apply(event)
    return state


def test_before_the_first_record_there_is_nothing() -> None:
    state = SessionState()
    assert (state.bar, state.opened_bar, state.opening, state.ended) == (-1, -1, None, False)
    assert not state.halted_in(None)


def test_a_session_starts_with_its_cash() -> None:
    account = state_after().account
    assert (account.cash, account.equity, account.peak, account.positions) == (
        1000.0,
        1000.0,
        1000.0,
        {},
    )


def test_an_order_is_open_until_its_outcome() -> None:
    assert list(state_after(order("x")).open_orders) == ["x"]
    done = state_after(order("x"), fill("x", "entry", 1))
    assert (done.open_orders, done.settled) == ({}, {"x"})
    refused = state_after(order("x"), rejection("x"))
    assert (refused.open_orders, refused.settled) == ({}, {"x"})
    assert state_after(denial("y")).settled == {"y"}


def test_a_fill_moves_the_account() -> None:
    state = state_after(fill("x", "entry", 1))
    assert state.account.cash == 900.0
    assert state.account.positions == {"A": Position(1.0, 100.0)}


def test_trades_are_counted_by_the_session_that_decided_them() -> None:
    state = state_after(fill("a", "entry", 7, decided_in=1), fill("b", "entry", 8, decided_in=2))
    assert (state.trades_in(1), state.trades_in(2), state.trades_in(3)) == (0, 1, 0)
    twice = state_after(fill("a", "entry", 7), fill("b", "exit", 9))
    assert twice.trades_in(1) == 2


def test_a_policys_trade_counts_from_its_decision_and_a_stop_from_its_bar() -> None:
    assert state_after(fill("a", "entry", 7)).last_trade == {"A": 6}
    stopped = state_after(fill("a", "entry", 7), fill("b", "stop_loss", 9))
    assert stopped.last_trade == {"A": 9}
    assert stopped.trades_in(1) == 1


def test_a_closing_mark_moves_equity_peak_and_bar_and_an_opening_mark_does_not() -> None:
    held = fill("a", "entry", 1)
    opened = state_after(held, mark("open", 2, 1, A=150.0))
    assert (opened.account.equity, opened.bar, opened.opened_bar) == (1000.0, -1, 2)
    closed = state_after(held, mark("close", 2, 1, A=150.0))
    assert (closed.account.equity, closed.account.peak, closed.bar) == (1050.0, 1050.0, 2)
    fallen = state_after(held, mark("close", 2, 1, A=150.0), mark("close", 3, 1, A=90.0))
    assert (fallen.account.equity, fallen.account.peak) == (990.0, 1050.0)


def test_a_session_begins_with_the_equity_that_the_one_before_ended_with() -> None:
    state = state_after(
        fill("a", "entry", 1),
        mark("close", 6, 1, A=200.0),
        mark("open", 7, 2, A=180.0),
        mark("close", 7, 2, A=190.0),
    )
    assert state.day_start == 1100.0
    assert state.loss == pytest.approx(10.0 / 1100.0)


def test_an_opening_gap_trips_the_breaker() -> None:
    gap = [fill("a", "entry", 1), mark("close", 6, 1, A=100.0), mark("open", 7, 2, A=70.0)]
    state = state_after(*gap, limits=LIMITS)
    assert state.halted_in(2)
    assert state.halt_loss == pytest.approx(0.03)
    assert state.account.equity == 1000.0


def test_a_tripped_breaker_stays_tripped_when_the_loss_is_made_good() -> None:
    fall = [fill("a", "entry", 1), mark("close", 1, 1, A=100.0), mark("close", 2, 1, A=60.0)]
    recovered = state_after(*fall, mark("close", 3, 1, A=120.0), limits=LIMITS)
    assert recovered.halted_in(1)
    assert recovered.halt_loss == pytest.approx(0.04)
    assert recovered.loss < 0
    next_day = state_after(*fall, mark("open", 4, 2, A=60.0), limits=LIMITS)
    assert not next_day.halted_in(next_day.day_session)


def test_without_limits_there_is_no_breaker() -> None:
    state = state_after(fill("a", "entry", 1), mark("close", 1, 1, A=1.0))
    assert state.halted_session is None


def test_the_last_decision_intent_and_protection_are_kept() -> None:
    state = state_after(
        Decision(decision_id="d", bar=3, bar_ts="", actions={}, equity=1000.0),
        intent("x", bar=3),
        stop("p"),
        Halt(code="DAILY_LOSS", session=9, loss=0.04, limit=0.03),
        SessionEnded(bar=9, equity=1000.0),
    )
    assert (state.decision.bar, state.protecting) == (3, {"p"})
    assert state.intent_of(3) == intent("x", bar=3)
    assert state.intent_of(2) is None
    assert (state.noted_halt, state.ended) == (9, True)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_folding_in_two_parts_is_folding_at_once(data, whole_journal: list[Record]) -> None:
    # given any cut of a journal
    cut = data.draw(st.integers(0, len(whole_journal)))
    # when its first part is folded, then its second
    state = state_from_journal(whole_journal[:cut])
    for record in whole_journal[cut:]:
        state.apply(record.event)
    # then it is the state of the whole
    assert state == state_from_journal(whole_journal)


def test_every_prefix_is_worth_what_its_marks_say(whole_journal: list[Record]) -> None:
    closes = 0
    for count, record in enumerate(whole_journal, start=1):
        if isinstance(record.event, Mark) and record.event.at == "close":
            account = state_from_journal(whole_journal[:count]).account
            assert account.equity == record.event.equity
            assert account.cash == record.event.cash
            closes += 1
    assert closes == 40


@pytest.fixture(scope="module")
def whole_journal(busy_request, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    journal: Path = tmp_path_factory.mktemp("whole") / "session.jsonl"
    table, ask = busy_request(journal)
    replay_table(ask, table)
    return read_journal(journal)
