"""What the three real clients make of bad answers, of none, and of slow ones."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from cluster.errors import ConfigError
from features.sources.http.errors import NotEntitled, NotServed, SourceDown
from servers import HTML, Reply, chart_error

START = datetime(2024, 1, 8, tzinfo=UTC)
END = datetime(2024, 1, 20, tzinfo=UTC)
NAMES = ("alpaca", "yahoo", "polygon")
KEYED = ("alpaca", "polygon")
PATIENT = 5.0  # seconds, far more than a hang is waited for


def fetch(vendors, name: str):
    return vendors.source(name).fetch(["AAA"], "1d", START, END)


PASSING = {
    "429": Reply(429, {"message": "too many requests."}),
    "500": Reply(500, {"message": "internal server error occurred"}),
    "503": Reply(503, body=HTML.body),
    "HTML with status 200": HTML,
    "half a JSON document": Reply(body=b'{"bars": {"AAA": [{"t": "2024'),
    "an answer that ends early": Reply(document={"bars": {}, "results": []}, cut=100),
    "no body": Reply(body=b""),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_passing_fault_is_tried_again_after_a_pause(vendors, name, fault):
    vendors.server(name).faults = [fault]

    fetched = fetch(vendors, name)

    assert fetched.bars.height == 9
    assert vendors.clock.slept == [0.25]  # half of the longest first pause


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_lasting_fault_is_no_empty_answer(vendors, name, fault):
    vendors.server(name).always = fault

    with pytest.raises(SourceDown) as caught:
        fetch(vendors, name)

    assert caught.value.what == f"{name} is down"
    assert caught.value.exit_code == 1
    assert vendors.clock.slept == [0.25, 0.5]


@pytest.mark.parametrize("name", KEYED)
def test_every_try_is_one_request(vendors, name):
    vendors.server(name).always = PASSING["500"]

    with pytest.raises(SourceDown, match="status 500 internal server error occurred"):
        fetch(vendors, name)

    assert len(vendors.server(name).calls) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_source_that_asks_for_a_pause_within_the_deadline_gets_it(vendors, name):
    vendors.server(name).faults = [Reply(429, {}, headers={"Retry-After": "2"})]

    assert fetch(vendors, name).bars.height == 9
    assert vendors.clock.slept == [2.0]


@pytest.mark.parametrize("name", NAMES)
def test_a_source_that_asks_for_a_longer_pause_is_down(vendors, name):
    vendors.server(name).always = Reply(429, {}, headers={"Retry-After": "60"})

    with pytest.raises(SourceDown, match="status 429"):
        fetch(vendors, name)

    assert vendors.clock.slept == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "fault", [Reply(hang=True), Reply(document={"bars": {}}, drip_s=0.05)], ids=["hang", "drip"]
)
def test_hanging_and_dripping_sockets_are_over_at_the_deadline(vendors, name, fault):
    vendors.deadline_s = 0.3
    vendors.server(name).always = fault
    began = time.monotonic()

    with pytest.raises(SourceDown, match="no whole answer in time"):
        fetch(vendors, name)

    assert time.monotonic() - began < PATIENT


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("status", [401, 403])
def test_a_firewall_that_forbids_says_nothing_about_the_key(vendors, name, status):
    vendors.server(name).always = Reply(status, body=HTML.body)

    with pytest.raises(SourceDown, match=f"status {status} with HTML"):
        fetch(vendors, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_source_may_name_the_time_until_which_it_wants_to_be_left_alone(vendors, name):
    vendors.deadline_s = 1000.0
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    vendors.server(name).faults = [Reply(429, {}, headers={"Retry-After": until})]

    assert fetch(vendors, name).bars.height == 9
    assert 60.0 <= vendors.clock.slept[0] <= 300.0


@pytest.mark.parametrize("name", NAMES)
def test_a_server_without_tls_is_named_as_one(vendors, name):
    vendors.server(name).url = vendors.server(name).url.replace("http:", "https:")

    with pytest.raises(SourceDown, match="it does not speak TLS"):
        fetch(vendors, name)


@pytest.mark.parametrize("name", NAMES)
def test_json_of_ten_thousand_brackets_is_a_broken_body(vendors, name):
    vendors.server(name).always = Reply(body=b"[" * 100_000 + b"]" * 100_000)

    with pytest.raises(SourceDown, match="a broken body instead of JSON"):
        fetch(vendors, name)


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_a_matter_of_configuration(vendors, name, status):
    vendors.server(name).always = Reply(status, {"message": "forbidden."})

    with pytest.raises(ConfigError) as caught:
        fetch(vendors, name)

    assert caught.value.what == f"{name} refuses the key"
    assert "API_KEY" in caught.value.next_command
    assert caught.value.exit_code == 3
    assert len(vendors.server(name).calls) == 1


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("alpaca", {"message": "subscription does not permit querying recent SIP data"}),
        ("polygon", {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}),
    ],
)
def test_what_the_plan_does_not_include_is_no_outage_and_no_wrong_key(vendors, name, document):
    vendors.server(name).always = Reply(403, document)

    with pytest.raises(NotEntitled, match=r"its plan does not include this \("):
        fetch(vendors, name)

    assert len(vendors.server(name).calls) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [404, 422])
def test_a_definite_no_is_not_asked_again(vendors, name, status):
    document = chart_error("Bad", "no such thing") if name == "yahoo" else {"message": "no such"}
    vendors.server(name).always = Reply(status, document)

    with pytest.raises(NotServed, match=rf"{status} .*no such"):
        fetch(vendors, name)

    assert vendors.clock.slept == []


@pytest.mark.parametrize("name", NAMES)
def test_redirects_are_not_followed(vendors, name):
    other = vendors.server("alpaca" if name == "polygon" else "polygon")
    vendors.server(name).always = Reply(302, {}, headers={"Location": f"{other.url}/v2"})

    with pytest.raises(SourceDown, match=r"redirects \(302\), which is not followed"):
        fetch(vendors, name)

    assert other.calls == []


SHAPES = [{"bars": 3, "results": 3, "chart": 3}, [], {"bars": {"AAA": [{}]}, "results": [3]}]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("document", SHAPES)
def test_json_of_another_form_is_no_empty_answer(vendors, name, document):
    vendors.server(name).always = Reply(document=document)

    with pytest.raises(SourceDown):
        fetch(vendors, name)


def test_an_error_of_polygon_with_status_200_is_no_empty_answer(vendors):
    vendors.polygon.always = Reply(document={"status": "ERROR", "error": "boom"})

    with pytest.raises(SourceDown, match="its answer has the status ERROR"):
        fetch(vendors, "polygon")


BAR = {"t": "2024-01-08T05:00:00Z", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
TICK = BAR | {"t": 1704690000000}
PAGES = {
    "alpaca, round": ("alpaca", {"bars": {}, "next_page_token": "round"}),
    "alpaca, empty token": ("alpaca", {"bars": {"AAA": [BAR]}, "next_page_token": ""}),
    "alpaca, the same bar": ("alpaca", {"bars": {"AAA": [BAR]}, "next_page_token": "ever new"}),
    "polygon, round": ("polygon", {"results": [], "status": "OK", "next_url": "http://x/v2?c=1"}),
    "polygon, empty": ("polygon", {"results": [TICK], "status": "OK", "next_url": ""}),
    "polygon, the same": (
        "polygon",
        {"results": [TICK], "status": "OK", "next_url": "http://x/?c"},
    ),
}


@pytest.mark.parametrize(("name", "document"), PAGES.values(), ids=PAGES)
def test_pages_end_where_they_bring_nothing_later(vendors, name, document):
    number = iter(range(1000))

    def answer(call):
        names = [key for key in ("next_page_token", "next_url") if document.get(key)]
        return Reply(document=document | {key: f"{document[key]}{next(number)}" for key in names})

    vendors.server(name).answer = answer

    fetched = fetch(vendors, name)

    assert fetched.bars.height <= 2
    assert len(vendors.server(name).calls) <= 2


def closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_connection_is_named(vendors, name):
    vendors.server(name).url = closed_port()

    with pytest.raises(SourceDown, match="connection refused"):
        fetch(vendors, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_does_not_resolve_is_named(vendors, name):
    vendors.server(name).url = "http://bars.invalid"

    with pytest.raises(SourceDown, match="its name cannot be resolved"):
        fetch(vendors, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_hangs_up_is_named(vendors, name):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        vendors.server(name).url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop = threading.Event()

        def hang_up() -> None:
            listener.settimeout(0.05)
            while not stop.is_set():
                try:
                    listener.accept()[0].close()
                except TimeoutError:
                    continue

        server = threading.Thread(target=hang_up, daemon=True)
        server.start()
        with pytest.raises(SourceDown, match="the connection was cut"):
            fetch(vendors, name)
        stop.set()
        server.join()


@pytest.mark.parametrize("name", NAMES)
def test_three_failures_in_a_row_and_the_source_is_left_alone(vendors, name):
    source = vendors.source(name)
    vendors.server(name).always = Reply(302, {})
    for _ in range(3):
        with pytest.raises(SourceDown):
            source.fetch(["AAA"], "1d", START, END)
    asked = len(vendors.server(name).calls)

    with pytest.raises(SourceDown, match="3 failures in a row"):
        source.fetch(["AAA"], "1d", START, END)

    assert len(vendors.server(name).calls) == asked
    vendors.server(name).always = None
    vendors.clock.sleep(60)
    assert source.fetch(["AAA"], "1d", START, END).bars.height == 9


@pytest.mark.parametrize(("interval", "days"), [("1h", 730), ("15m", 60), ("1m", 8)])
def test_yahoo_refuses_what_it_does_not_reach_back_to_and_names_who_does(vendors, interval, days):
    source, start = vendors.yahoo_source(), vendors.now - timedelta(days=days)

    with pytest.raises(NotServed) as caught:
        source.fetch(["AAA"], interval, start, vendors.now)

    assert caught.value.why == (
        f"its {interval} bars reach back {days} days at most, {days} were asked for"
    )
    assert caught.value.next_command.startswith("ploutos data fetch --source alpaca (or polygon)")
    assert vendors.yahoo.calls == []


def test_yahoo_serves_daily_bars_of_any_age(vendors):
    start = datetime(1990, 1, 2, tzinfo=UTC)

    assert vendors.yahoo_source().fetch(["AAA"], "1d", start, END).bars.height == 13


def test_yahoo_comes_without_cookies_and_crumbs(vendors):
    answer = vendors.yahoo.answer

    def no_crumbs(call):
        return answer(call) if "/chart/" in call.path else Reply(500, {})

    vendors.yahoo.answer = no_crumbs

    assert fetch(vendors, "yahoo").bars.height == 9


@pytest.mark.parametrize("name", ["yahoo", "polygon"])
def test_a_symbol_that_is_not_served_does_not_cost_the_others_theirs(vendors, name):
    if name == "polygon":
        vendors.polygon.faults = [Reply(404, {"status": "NOT_FOUND", "message": "no such"})]

    fetched = vendors.source(name).fetch(["NOPE", "AAA"], "1d", START, END)

    assert list(fetched.missing) == ["NOPE"]
    assert fetched.missing["NOPE"].startswith("404 ")
    assert fetched.bars["symbol"].unique().to_list() == ["AAA"]


@pytest.mark.parametrize("name", ["yahoo", "polygon"])
def test_what_came_before_the_source_went_down_is_kept(vendors, name):
    source, server = vendors.source(name), vendors.server(name)
    answer, counted = server.answer, server.counts

    def only_first(call):
        down = "BBB" in call.path and counted(call)
        return Reply(500, {"message": "down"}) if down else answer(call)

    server.answer = only_first

    fetched = source.fetch(["AAA", "BBB"], "1d", START, END)

    assert fetched.bars["symbol"].unique().to_list() == ["AAA"]
    assert fetched.missing == {"BBB": "status 500 down"}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"ticker": "XYZ"}, "its answer is of symbol XYZ, AAA was asked for"),
        ({"adjusted": False}, "its answer is of adjusted False, True was asked for"),
    ],
)
def test_aggregates_of_something_else_are_refused(vendors, said, why):
    vendors.polygon.always = Reply(document={"results": [TICK], "status": "OK"} | said)

    with pytest.raises(SourceDown, match=why):
        fetch(vendors, "polygon")


def fail(vendors, name: str, where: str, reply: Reply) -> None:
    """Let a vendor fail wherever this text is in the path or query of a call."""
    healthy = vendors.server(name).answer
    vendors.server(name).answer = lambda call: (
        reply if where in f"{call.path} {call.query}" else healthy(call)
    )


DOWN = Reply(500, {"message": "down"})


def test_symbols_that_came_whole_before_a_page_failed_are_kept(vendors):
    fail(vendors, "alpaca", "'page_token': '16'", DOWN)

    fetched = vendors.alpaca_source().fetch(["AAA", "BBB"], "1d", START, END)

    assert fetched.bars.group_by("symbol").len().rows() == [("AAA", 9)]
    assert fetched.missing == {"BBB": "status 500 down"}


def test_pages_of_a_symbol_that_came_before_one_failed_are_kept(vendors):
    fail(vendors, "polygon", "cursor", DOWN)

    fetched = fetch(vendors, "polygon")

    assert fetched.bars.height == 8
    assert fetched.missing == {"AAA": "status 500 down"}


def test_whole_days_that_came_before_one_failed_are_kept(vendors):
    plan = Reply(403, {"status": "NOT_AUTHORIZED", "message": "not yet"})
    fail(vendors, "polygon", "2024-01-10", plan)
    symbols = ["AAA", *(f"S{n}" for n in range(9))]

    end = datetime(2024, 1, 13, tzinfo=UTC)
    fetched = vendors.polygon_source().fetch(symbols, "1d", START, end)

    assert fetched.bars["ts"].dt.day().to_list() == [8, 9]
    assert fetched.missing["AAA"] == "its plan does not include this (NOT_AUTHORIZED: not yet)"
