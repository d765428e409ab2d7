"""What Yahoo's client makes of charts that are odd, and of cookies that do not come."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from features.sources.http.errors import NotServed, SourceDown
from servers import Reply

START = datetime(2024, 1, 8, tzinfo=UTC)
END = datetime(2024, 1, 20, tzinfo=UTC)
PATIENT = 5.0  # seconds, far more than a hang is waited for


def height(vendors) -> int:
    return vendors.yahoo_source().fetch(["AAA"], "1d", START, END).bars.height


def edit(vendors, change) -> None:
    """Let Yahoo change the chart in every answer."""
    healthy = vendors.yahoo.answer

    def answer(call):
        reply = healthy(call)
        if "period1" in call.query:
            change(reply.document["chart"]["result"][0])
        return reply

    vendors.yahoo.answer = answer


def test_cookies_that_do_not_come_leave_the_chart_its_time(vendors):
    healthy = vendors.yahoo.answer
    vendors.yahoo.answer = lambda c: healthy(c) if "/chart/" in c.path else Reply(hang=True)
    began = time.monotonic()

    assert height(vendors) == 9
    assert time.monotonic() - began < PATIENT


def test_a_damaged_file_of_cookies_does_not_keep_yahoo_from_its_chart(vendors):
    height(vendors)
    for path in vendors.cache.glob("cookies.db*"):
        path.write_bytes(b"no database" * 1000)

    assert height(vendors) == 9


@pytest.mark.parametrize(
    ("meta", "failure", "why"),
    [
        ({"symbol": "XYZ"}, SourceDown, "its answer is of symbol XYZ, AAA was asked for"),
        ({"dataGranularity": "1wk"}, SourceDown, "its answer is of interval 1wk, 1d was asked for"),
        ({"currency": "CAD"}, NotServed, "its prices of it are in CAD, not in USD"),
    ],
)
def test_a_chart_of_something_else_is_refused(vendors, meta, failure, why):
    edit(vendors, lambda chart: chart["meta"].update(meta))

    with pytest.raises(failure, match=why):
        height(vendors)


def test_a_chart_says_null_where_it_has_nothing_and_the_price_of_now_is_no_bar(vendors):
    def live(chart) -> None:
        (quote,) = chart["indicators"]["quote"]
        quote["volume"][0], quote["close"][1] = None, "n/a"
        chart["timestamp"].append(chart["timestamp"][-1] + 23_400)
        for name, values in quote.items():
            values.append(113.0 if name == "close" else 1.0)

    edit(vendors, live)

    bars = vendors.yahoo_source().fetch(["AAA"], "1d", START, END).bars

    assert bars["volume"].to_list()[:2] == [None, 1005.0]
    assert bars["close"].to_list()[1] is None
    assert (bars.height, bars["close"][-1]) == (9, 113.0)


def test_half_hours_are_made_of_quarters(vendors):
    def quarters(call):
        quote = {
            "open": [1, 2, 3, 4],
            "high": [5, 9, 5, 5],
            "low": [1, 1, 1, 0.5],
            "close": [2, 3, 4, None],
            "volume": [10, 20, 30, 40],
        }
        meta = {"symbol": "AAA", "currency": "USD", "dataGranularity": call.query["interval"]}
        times = [1708698600 + 900 * n for n in range(4)]
        result = {"meta": meta, "timestamp": times, "indicators": {"quote": [quote]}}
        return Reply(document={"chart": {"result": [result], "error": None}})

    healthy = vendors.yahoo.answer
    vendors.yahoo.answer = lambda c: quarters(c) if "/chart/" in c.path else healthy(c)
    start = vendors.now - timedelta(days=20)

    bars = vendors.yahoo_source().fetch(["AAA"], "30m", start, vendors.now).bars

    assert bars.rows()[0][2:] == (1.0, 9.0, 1.0, 3.0, 30.0)
    assert bars.rows()[1][2:] == (None,) * 5
