"""The vendors' own payloads, by the real clients."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from features.bars.checks import check_bars
from places import SHARED
from servers import Reply

FIXTURES = SHARED / "fixtures"


def payload(name: str) -> Any:
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"the vendors' payloads are not here ({path})")
    return json.loads(path.read_bytes())


def test_alpacas_recorded_daily_bars_over_a_split(vendors):
    document = payload("alpaca_paper_recorded/bars_1day_raw_AAPL_split_2020-08-31.json")
    vendors.alpaca.always = Reply(document=document)
    start, end = datetime(2020, 8, 26, tzinfo=UTC), datetime(2020, 9, 4, tzinfo=UTC)

    bars = check_bars(
        vendors.alpaca_source().fetch(["AAPL"], "1d", start, end).bars, origin="alpaca"
    ).frame

    assert bars.height == 7
    assert bars["close"].to_list() == [506.09, 500.04, 499.23, 129.04, 134.18, 131.4, 120.88]
    assert bars["ts"][0] == datetime(2020, 8, 26, 4, tzinfo=UTC)


def test_polygons_own_example_of_a_range(vendors):
    name = "polygon/v2__aggs__ticker__AAPL__range__1__day__2005-04-01__2005-04-04.json"
    vendors.polygon.always = Reply(document=payload(name))
    start, end = datetime(2005, 4, 1, tzinfo=UTC), datetime(2005, 4, 5, tzinfo=UTC)

    bars = check_bars(
        vendors.polygon_source().fetch(["AAPL"], "1d", start, end).bars, origin="polygon"
    ).frame

    assert bars["close"].to_list() == [1.4604, 1.4675]
    assert bars["volume"].to_list() == [642646396.0, 578172308.0]


def test_yahoos_recorded_chart_with_a_split_and_a_dividend(vendors):
    document = payload("yahoo/body_chart-AAPL-2020-08-31-to-2020-11-07.json")
    vendors.yahoo.answer = lambda call: Reply(document=document)
    start, end = datetime(2020, 8, 31, tzinfo=UTC), datetime(2020, 11, 7, tzinfo=UTC)

    bars = check_bars(
        vendors.yahoo_source().fetch(["AAPL"], "1d", start, end).bars, origin="yahoo"
    ).frame

    quote = document["chart"]["result"][0]["indicators"]["quote"][0]
    assert bars["close"].to_list() == pytest.approx(quote["close"])
    assert bars["volume"].to_list() == pytest.approx(quote["volume"])


def test_yahoos_recorded_empty_chart(vendors):
    document = payload("yahoo/body_chart-TSLA-2025-01-01-to-2025-01-02-interval-1h.fake.json")
    vendors.yahoo.answer = lambda call: Reply(document=document)
    vendors.now = datetime(2025, 1, 3, tzinfo=UTC)
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC)

    assert vendors.yahoo_source().fetch(["TSLA"], "1h", start, end).bars.height == 0
