"""Budget, breaker, deadline and retries, by a clock that the test moves."""

import json
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError, DataError
from features.sources.http.circuit_breaker import CircuitBreaker
from features.sources.http.deadline import within
from features.sources.http.errors import NotServed, SourceDown
from features.sources.http.rate_limit import RateBudget
from features.sources.http.responses import Answer, check_answer, message_of
from features.sources.http.transport import Clock, Patience, Transport


class Moving:
    """A clock that moves when somebody sleeps, or when the test says so."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_s += seconds


@settings(max_examples=50, deadline=None)
@given(
    per_minute=st.integers(1, 8),
    pauses=st.lists(st.floats(0, 40), min_size=1, max_size=40),
)
def test_no_60_seconds_see_more_requests_than_the_budget(per_minute, pauses):
    clock = Moving()
    budget = RateBudget(per_minute, clock=clock, sleep=clock.sleep)
    sent = []

    for pause in pauses:
        clock.time_s += pause
        budget.take()
        sent.append(clock.time_s)

    for first, later in zip(sent, sent[per_minute:], strict=False):
        assert later - first >= 60 - 1e-6


def test_five_requests_a_minute_leave_at_once_and_the_sixth_waits():
    clock = Moving()
    budget = RateBudget(5, clock=clock, sleep=clock.sleep)

    for _ in range(6):
        budget.take()

    assert clock.slept == [60.0]


def test_processes_that_share_a_file_share_the_budget(tmp_path):
    # given: one that used four of five, and left
    clock, file = Moving(), tmp_path / "sent.json"
    clock.time_s = 1000.0
    first = RateBudget(5, shared=file, clock=clock, sleep=clock.sleep)
    for _ in range(4):
        first.take()
    clock.time_s += 10

    # when
    second = RateBudget(5, shared=file, clock=clock, sleep=clock.sleep)
    second.take()
    second.take()

    # then: the sixth waits until a minute after the first
    assert clock.slept == [50.0]
    assert json.loads(file.read_bytes()) == [1010.0, 1060.0]


@pytest.mark.parametrize("content", ["", "{}", "[1, null]", '["a"]', "[99999.0, 99999.0]"])
def test_a_count_that_is_damaged_or_lies_ahead_holds_nobody_up(content, tmp_path):
    clock, file = Moving(), tmp_path / "sent.json"
    file.write_text(content)

    RateBudget(1, shared=file, clock=clock, sleep=clock.sleep).take()

    assert clock.slept == []
    assert json.loads(file.read_bytes()) == [0.0]


def test_the_breaker_opens_rests_lets_one_try_and_opens_again():
    clock = Moving()
    breaker = CircuitBreaker("yahoo", failures=2, rest_s=30, clock=clock)
    breaker.failed("first")
    breaker.check()
    breaker.failed("second")

    with pytest.raises(SourceDown) as caught:
        breaker.check()
    assert caught.value.why == "2 failures in a row, the last: second; not asked for 30 s"
    assert not caught.value.again
    clock.time_s = 30
    breaker.check()
    breaker.failed("third")
    with pytest.raises(SourceDown, match="3 failures in a row"):
        breaker.check()
    clock.time_s = 60
    breaker.check()
    breaker.succeeded()
    breaker.failed("one is not enough again")
    breaker.check()


def test_a_call_in_time_gives_its_value_or_its_error():
    assert within(5, lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)


def test_a_call_that_takes_too_long_is_left_behind():
    never = threading.Event()
    began = time.monotonic()

    with pytest.raises(TimeoutError, match=r"no whole answer within 0\.1 s"):
        within(0.1, never.wait)

    assert time.monotonic() - began < 5
    never.set()


class Exchange:
    """Fails as told, then answers; each exchange takes `takes_s` of the clock."""

    def __init__(self, clock: Moving, failures: list[Exception], takes_s: float = 0.0) -> None:
        self.clock, self.failures, self.takes_s = clock, failures, takes_s
        self.given_s: list[float] = []

    def __call__(self, seconds: float) -> str:
        self.given_s.append(seconds)
        self.clock.time_s += self.takes_s
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def transport(clock: Moving, per_minute: int = 1000, **patience: float) -> Transport:
    return Transport(
        "yahoo",
        per_minute=per_minute,
        patience=Patience(**patience),
        clock=Clock(monotonic=clock, sleep=clock.sleep, random=lambda: 1.0, wall=clock),
    )


def down(**how: object) -> SourceDown:
    return SourceDown("yahoo", "status 500", **how)


def test_pauses_double_and_count_against_the_deadline():
    clock = Moving()
    exchange = Exchange(clock, [down(), down()], takes_s=1.0)

    assert transport(clock).ask(exchange) == "answer"
    assert clock.slept == [0.5, 1.0]
    assert exchange.given_s == [10.0, 8.5, 6.5]


def test_no_attempt_begins_after_the_deadline():
    clock = Moving()
    exchange = Exchange(clock, [down(), down(), down()], takes_s=5.5)

    with pytest.raises(SourceDown):
        transport(clock, deadline_s=6.0).ask(exchange)  # the first pause would end it

    assert exchange.given_s == [6.0]
    assert clock.slept == []


def test_waiting_for_the_budget_is_not_the_sources_fault():
    clock = Moving()
    exchange = Exchange(clock, [])
    asked = transport(clock, per_minute=1, deadline_s=1.0)

    assert [asked.ask(exchange) for _ in range(3)] == ["answer"] * 3
    assert clock.slept == [60.0, 60.0]
    assert exchange.given_s == [1.0] * 3


@pytest.mark.parametrize(
    "failure", [down(again=False), NotServed("yahoo", "404"), ConfigError("k")]
)
def test_what_will_not_pass_is_not_tried_again(failure):
    clock = Moving()
    exchange = Exchange(clock, [failure])

    with pytest.raises(type(failure)):
        transport(clock).ask(exchange)

    assert len(exchange.given_s) == 1


def test_a_definite_no_does_not_open_the_breaker():
    clock = Moving()
    asked = transport(clock)

    for _ in range(5):
        with pytest.raises(NotServed):
            asked.ask(Exchange(clock, [NotServed("yahoo", "404")]))

    assert asked.ask(Exchange(clock, [])) == "answer"


STATUSES = st.sampled_from([200, 204, 301, 400, 401, 403, 404, 418, 422, 429, 500, 599])
BODIES = st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b"<html>", b"[1"])


@settings(max_examples=100, deadline=None)
@given(status=STATUSES, body=BODIES)
def test_every_answer_is_either_json_with_status_200_or_one_of_our_errors(status, body):
    try:
        check_answer(Answer(status, {}, body), "yahoo", "THE_KEY")
    except (DataError, ConfigError) as failure:
        why = failure.why
    else:
        why = None

    assert (why is None) == (status == 200 and is_json(body))


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def test_a_vendors_message_is_passed_on_shortened():
    assert message_of(b'{"status": "ERROR", "error": "Unknown API Key"}') == (
        "ERROR: Unknown API Key"
    )
    assert len(message_of(b'{"message": "' + b"x" * 5000 + b'"}')) == 200
    assert message_of(b"[1]") == message_of(b"") == ""
