"""From Alpaca to Yahoo to Polygon, and what keeps their bars apart."""

from datetime import UTC, date, datetime, timedelta

import pytest
from test_fetch import START, Shop, day

from features import Lake
from servers import Market, Reply


@pytest.fixture
def shop(vendors, tmp_path) -> Shop:
    return Shop(vendors, Lake(tmp_path / "lake"))


def answer_from(shop: Shop, name: str, market: Market) -> None:
    """Let a vendor have other prices than the others."""
    import servers

    server = shop.vendors.server(name)
    server.answer = getattr(servers, name)(market).answer


def other(shop: Shop, **changes: float) -> Market:
    return Market({"AAA": 100.0, "BBB": 50.0}, **changes)


def test_the_next_source_begins_a_series_where_there_is_none(shop):
    shop.down("alpaca")

    result = shop.fetch("AAA", START, day(20))

    assert result.complete
    assert result.outcomes["AAA"].series == "yahoo"
    assert shop.bars()["series"].unique().to_list() == ["yahoo"]
    assert result.outcomes["AAA"].reasons["alpaca"].startswith("redirects")


def test_bars_of_another_source_join_when_they_are_proven_equal(shop):
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")

    result = shop.fetch("AAA", START, day(25))

    bars = shop.bars()
    assert result.complete
    assert bars["series"].unique().to_list() == ["alpaca"]
    assert bars["source"].to_list() == ["alpaca"] * 9 + ["yahoo"] * 3
    assert result.outcomes["AAA"].sources == {"yahoo"}
    assert shop.lake.status()["joined"].to_list() == [3]


def test_the_first_source_goes_on_after_bars_of_another_have_joined(shop):
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")
    shop.fetch("AAA", START, day(25))
    shop.vendors.alpaca.always = None

    assert shop.fetch("AAA", START, day(27)).complete
    assert shop.bars()["source"].to_list() == ["alpaca"] * 9 + ["yahoo"] * 3 + ["alpaca"] * 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scale": 2.0}, "adjustment: close differs by up to 100.00% (limit 1%)"),
        ({"scale": 1.02}, "adjustment: close differs by up to 2.00% (limit 1%)"),
        ({"lots": 100.0}, "volume unit: theirs is 0.01"),
    ],
)
def test_a_source_that_tells_another_series_is_refused_with_its_numbers(shop, changes, why):
    shop.names = ["alpaca", "yahoo"]
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")
    answer_from(shop, "yahoo", other(shop, **changes))

    result = shop.fetch("AAA", START, day(25))

    assert not result.complete
    assert result.outcomes["AAA"].reasons["yahoo"].startswith(why)
    assert shop.bars()["source"].unique().to_list() == ["alpaca"]
    assert shop.bars().height == 9


def test_a_difference_below_one_percent_is_no_other_series(shop):
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")
    answer_from(shop, "yahoo", other(shop, scale=1.005))

    assert shop.fetch("AAA", START, day(25)).complete


def test_hourly_bars_of_another_session_grid_are_refused(shop):
    shop.fetch("AAA", START, day(20), "1h")
    shop.down("alpaca", "polygon")
    shop.vendors.now = datetime(2024, 3, 1, 22, tzinfo=UTC)

    result = shop.fetch("AAA", START, day(25), "1h")

    assert (
        result.outcomes["AAA"]
        .reasons["yahoo"]
        .startswith("session: their bars start at :30, ours at :00; 0 of 27 bars are in common")
    )


def test_what_one_source_may_not_join_the_next_one_may(shop):
    shop.fetch("AAA", START, day(20), "1h")
    shop.down("alpaca")

    result = shop.fetch("AAA", START, day(25), "1h")

    assert result.complete
    assert shop.bars("1h")["source"].unique().sort().to_list() == ["alpaca", "polygon"]
    assert "session" in result.outcomes["AAA"].reasons["yahoo"]


def test_too_short_a_series_proves_nothing(shop):
    shop.names = ["alpaca", "yahoo"]
    shop.fetch("AAA", START, day(11))  # three bars
    shop.down("alpaca")

    result = shop.fetch("AAA", START, day(20))

    assert "3 of 3 bars are in common, 5 are needed" in result.outcomes["AAA"].reasons["yahoo"]


def test_all_sources_down_lists_everyone_and_why_and_keeps_what_there_was(shop):
    shop.skipped = {"polygon": "it has no key"}
    shop.names = ["alpaca", "yahoo"]
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca", "yahoo")

    result = shop.fetch("AAA BBB", START, day(25))

    assert not result.complete
    for symbol in ("AAA", "BBB"):
        reasons = result.outcomes[symbol].reasons
        assert list(reasons) == ["polygon", "alpaca", "yahoo"]
        assert reasons["polygon"] == "it has no key"
    assert shop.bars().height == 9


def test_five_years_of_hourly_bars_are_refused_by_yahoo_and_had_from_polygon(shop):
    shop.down("alpaca")
    start = shop.vendors.now - timedelta(days=5 * 365)

    result = shop.fetch("AAA", start, interval="1h")

    outcome = result.outcomes["AAA"]
    assert outcome.series == "polygon"
    assert outcome.reasons["yahoo"].startswith("its 1h bars reach back 730 days at most")
    assert shop.vendors.yahoo.calls == []


def test_five_years_of_hourly_bars_that_only_yahoo_could_give_are_not_cut(shop):
    shop.names = ["yahoo"]
    start = shop.vendors.now - timedelta(days=5 * 365)

    result = shop.fetch("AAA", start, interval="1h")

    assert not result.complete
    assert "ploutos data fetch --source alpaca" in result.outcomes["AAA"].reasons["yahoo"]
    assert not shop.lake.root.exists()


def test_what_a_plan_does_not_include_is_not_had_elsewhere(shop):
    message = "subscription does not permit querying recent SIP data"
    shop.vendors.alpaca.always = Reply(403, {"message": message})

    result = shop.fetch("AAA", START, day(20))

    assert not result.complete
    assert result.outcomes["AAA"].reasons == {
        "alpaca": f"its plan does not include this ({message})"
    }
    assert shop.vendors.yahoo.calls == []


def test_a_plan_without_the_bars_of_today_brings_those_before(shop):
    healthy = shop.vendors.polygon.answer
    plan = Reply(403, {"status": "NOT_AUTHORIZED", "message": "Your plan has no data of today."})
    today = datetime(2024, 2, 29, tzinfo=UTC).timestamp() * 1000
    shop.vendors.polygon.answer = lambda call: (
        plan if int(call.path.split("/")[9]) > today else healthy(call)
    )
    shop.names = ["polygon"]

    result = shop.fetch("AAA", START, day(1, month=3))

    assert not result.complete
    assert shop.bars()["ts"].max() == datetime(2024, 2, 28, tzinfo=UTC)
    assert result.outcomes["AAA"].reasons["polygon"].startswith("its plan does not include this")
    assert result.outcomes["AAA"].lacking == (date(2024, 2, 29),)


def test_a_slow_source_costs_its_deadline_and_no_more(shop):
    shop.vendors.deadline_s = 0.3
    shop.vendors.alpaca.always = Reply(hang=True)

    result = shop.fetch("AAA", START, day(20))

    assert result.complete
    assert result.outcomes["AAA"].series == "yahoo"
    assert len(shop.vendors.alpaca.calls) == 1


def test_each_symbol_keeps_its_own_series(shop):
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")

    shop.fetch("AAA BBB", START, day(20))

    pairs = shop.bars().select("symbol", "series").unique().sort("symbol").rows()
    assert pairs == [("AAA", "alpaca"), ("BBB", "yahoo")]
