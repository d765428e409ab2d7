"""Fetches into a lake: from the first to the incremental, with the real clients."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from cluster.errors import ConfigError, UsageError
from features import Lake
from features.sources.fetch import Fetcher, FetchRequest
from features.sources.fetch_result import FetchResult
from servers import Reply

START = datetime(2024, 1, 8, tzinfo=UTC)


def day(number: int, month: int = 1) -> datetime:
    return datetime(2024, month, number, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


class Shop:
    """A lake, and the three sources in their order."""

    def __init__(self, vendors, lake: Lake) -> None:
        self.vendors, self.lake = vendors, lake
        self.names = ["alpaca", "yahoo", "polygon"]
        self.skipped: dict[str, str] = {}
        self.progress: list[tuple[int, int, str]] = []

    def fetch(
        self,
        symbols: str,
        start: datetime,
        end: datetime | None = None,
        interval: str = "1d",
        *,
        again: bool = False,
    ) -> FetchResult:
        fetcher = Fetcher(
            self.lake,
            [self.vendors.source(name) for name in self.names],
            self.skipped,
            now=lambda: self.vendors.now,
        )
        request = FetchRequest(tuple(symbols.split()), interval, start, end, again)
        return fetcher.fetch(request, lambda p: self.progress.append((p.done, p.total, p.source)))

    def bars(self, interval: str = "1d") -> pl.DataFrame:
        return self.lake.scan(interval).collect()

    def down(self, *names: str) -> None:
        for name in names:
            self.vendors.server(name).always = Reply(302, {})

    def asked(self, name: str) -> list[tuple[str, str]]:
        calls = self.vendors.server(name).calls
        return [(c.query["start"][:10], c.query["end"][:10]) for c in calls]


@pytest.fixture
def shop(vendors, lake) -> Shop:
    return Shop(vendors, lake)


def test_a_fetch_fills_the_lake_from_the_first_source_and_says_from_whom(shop):
    result = shop.fetch("AAA BBB", START, day(20))

    bars = shop.bars()
    assert result.complete
    assert bars.group_by("symbol").len().sort("symbol").rows() == [("AAA", 9), ("BBB", 9)]
    assert bars.select("source", "adjustment", "retrieved", "series").unique().rows() == [
        ("alpaca", "split", shop.vendors.now, "alpaca")
    ]
    outcome = result.outcomes["AAA"]
    assert (outcome.series, outcome.sources, outcome.bars) == ("alpaca", {"alpaca"}, 9)
    assert result.spans["BBB"] == (day(8), day(19))
    assert shop.progress == [(2, 2, "alpaca")]
    assert shop.vendors.yahoo.calls == shop.vendors.polygon.calls == []


def test_a_second_fetch_asks_for_nothing(shop):
    shop.fetch("AAA BBB", START, day(20))
    shop.vendors.alpaca.calls.clear()

    result = shop.fetch("AAA BBB", START, day(20))

    assert result.complete
    assert result.outcomes["AAA"].bars == 0
    assert shop.vendors.alpaca.calls == []


def test_a_later_fetch_asks_for_what_is_new_and_twenty_bars_before(shop):
    shop.fetch("AAA", START, day(15, month=2))
    shop.vendors.alpaca.calls.clear()

    result = shop.fetch("AAA", START, day(20, month=2))

    assert set(shop.asked("alpaca")) == {("2024-01-18", "2024-02-19")}
    assert result.outcomes["AAA"].bars == 2
    assert shop.bars()["ts"].dt.date().to_list()[-3:] == [date(2024, 2, n) for n in (14, 15, 16)]


def test_an_earlier_start_asks_only_for_what_is_before(shop):
    shop.fetch("AAA", day(16), day(20))
    shop.vendors.alpaca.calls.clear()

    result = shop.fetch("AAA", START, day(20))

    assert result.outcomes["AAA"].refetched == ""
    assert set(shop.asked("alpaca")) == {("2024-01-08", "2024-01-19")}
    assert result.outcomes["AAA"].bars == 5
    assert shop.bars().height == 9


def test_a_symbol_that_was_listed_later_is_not_asked_for_its_youth_again(shop, market):
    market.start = date(2024, 1, 16)
    first = shop.fetch("AAA", START, day(20))
    shop.vendors.alpaca.calls.clear()

    second = shop.fetch("AAA", START, day(20))

    assert first.complete
    assert second.complete
    assert first.spans["AAA"] == (day(16), day(19))
    assert shop.vendors.alpaca.calls == []


def test_a_series_that_ends_early_is_listed_and_asked_for_again(shop, market):
    market.until = day(17)
    first = shop.fetch("AAA", START, day(20))

    assert not first.complete
    assert first.outcomes["AAA"].reasons["alpaca"] == "it has no bars from 2024-01-17 on"
    assert shop.bars().height == 6
    market.until = day(1, month=3)
    assert shop.fetch("AAA", START, day(20)).complete
    assert shop.bars().height == 9


def test_no_bar_is_taken_before_it_is_over_and_handed_out(shop):
    shop.vendors.now = datetime(2024, 1, 10, 20, 59, tzinfo=UTC)  # a minute before the close
    shop.fetch("AAA", START)
    assert shop.bars()["ts"].max() == day(9)

    shop.vendors.now = datetime(2024, 1, 10, 21, 31, tzinfo=UTC)
    shop.fetch("AAA", START)
    assert shop.bars()["ts"].max() == day(10)


def test_an_hourly_bar_too_is_taken_when_it_is_over(shop):
    shop.vendors.now = datetime(2024, 1, 10, 17, 29, tzinfo=UTC)

    shop.fetch("AAA", START, interval="1h")

    assert shop.bars("1h")["ts"].max() == datetime(2024, 1, 10, 15, tzinfo=UTC)


def test_a_split_since_the_last_fetch_brings_the_whole_series_anew(shop, market):
    shop.fetch("AAA BBB", START, day(20))
    market.scale, market.lots = 0.5, 0.5

    result = shop.fetch("AAA", START, day(25))

    series = shop.bars().filter(pl.col("symbol") == "AAA")
    assert series["open"].to_list() == [(104.0 + n) / 2 for n in range(12)]
    assert result.outcomes["AAA"].refetched == "its past is 0.5 times what it was"
    assert result.complete


def test_bad_bars_are_set_aside_with_their_reason(shop):
    bad = {"t": "2024-01-08T05:00:00Z", "o": 1.0, "h": 1.0, "l": 2.0, "c": 1.0, "v": 1.0}
    good = {"t": "2024-01-09T05:00:00Z", "o": 1.0, "h": 1.0, "l": 1.0, "c": 1.0, "v": 1.0}
    shop.vendors.alpaca.always = Reply(document={"bars": {"AAA": [bad, good]}})

    result = shop.fetch("AAA", START, day(10))

    assert shop.bars()["ts"].to_list() == [day(9)]
    assert result.outcomes["AAA"].set_aside == {day(8): "high is below low (high 1.0, low 2.0)"}
    assert not result.complete
    assert result.outcomes["AAA"].lacking == (date(2024, 1, 8),)


def test_one_bad_symbol_does_not_cost_the_others_theirs(shop):
    answer = shop.vendors.alpaca.answer

    def strict(call):
        if "NOPE" in call.query["symbols"]:
            return Reply(422, {"message": "invalid symbol: NOPE"})
        return answer(call)

    shop.vendors.alpaca.answer = strict
    shop.names = ["alpaca"]

    result = shop.fetch("AAA NOPE BBB", START, day(20))

    assert shop.bars()["symbol"].unique().sort().to_list() == ["AAA", "BBB"]
    assert not result.complete
    assert result.outcomes["NOPE"].reasons == {"alpaca": "422 invalid symbol: NOPE"}


def test_what_came_before_a_failure_is_kept_and_the_next_fetch_goes_on(shop):
    shop.names = ["polygon"]
    answer = shop.vendors.polygon.answer

    def first_only(call):
        return answer(call) if "AAA" in call.path else Reply(302, {})

    shop.vendors.polygon.answer = first_only
    first = shop.fetch("AAA BBB", START, day(20))
    shop.vendors.polygon.answer = answer
    shop.vendors.polygon.calls.clear()

    second = shop.fetch("AAA BBB", START, day(20))

    assert not first.complete
    assert first.outcomes["AAA"].bars == 9
    assert second.complete
    assert {call.path.split("/")[4] for call in shop.vendors.polygon.calls} == {"BBB"}


def test_a_refused_key_ends_the_fetch_and_keeps_what_came(shop):
    shop.names = ["polygon"]
    answer = shop.vendors.polygon.answer

    def revoked(call):
        return answer(call) if "AAA" in call.path else Reply(401, {"error": "Unknown API Key"})

    shop.vendors.polygon.answer = revoked

    with pytest.raises(ConfigError, match="polygon refuses the key"):
        shop.fetch("AAA BBB", START, day(20))

    assert shop.bars()["symbol"].unique().to_list() == ["AAA"]


def test_bars_that_a_file_brought_are_another_series(shop):
    shop.fetch("AAA", START, day(20))
    bars = shop.bars().with_columns(pl.col("open", "high", "low", "close") * 2)
    shop.lake.write(bars, interval="1d", source="file")

    result = shop.fetch("AAA", START, day(25))

    assert result.outcomes["AAA"].series == "alpaca"
    assert shop.lake.status()["bars"].to_list() == [12, 9]


def test_a_series_without_a_note_of_what_was_asked_goes_on_from_its_bars(shop):
    shop.fetch("AAA", START, day(20))
    (shop.lake.folder("1d", "alpaca") / "asked.json").unlink(missing_ok=True)
    shop.vendors.alpaca.calls.clear()

    shop.fetch("AAA", START, day(25))

    assert set(shop.asked("alpaca")) == {("2024-01-08", "2024-01-24")}


@pytest.mark.parametrize("symbol", ["../../x", "; drop", "", "A B", "A" * 11, "^GSPC", "BTC/USD"])
def test_what_is_no_ticker_is_never_sent(shop, symbol):
    fetcher = Fetcher(shop.lake, [shop.vendors.alpaca_source()], now=lambda: shop.vendors.now)

    with pytest.raises(UsageError):
        fetcher.fetch(FetchRequest((symbol,), "1d", START))

    assert shop.vendors.alpaca.calls == []
    assert not shop.lake.root.exists()


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        ("2h", START, None),
        ("1d", START, START),
        ("1d", datetime(2024, 3, 4, tzinfo=UTC), None),
        ("1d", day(13), day(15)),
    ],
)
def test_windows_without_bars_are_refused(shop, interval, start, end):
    with pytest.raises(UsageError) as caught:
        shop.fetch("AAA", start, end, interval)

    assert caught.value.next_command.startswith("ploutos data fetch")


def test_one_spelling_of_a_symbol_is_kept(shop):
    shop.fetch("brk-b BRK.B", START, day(20))

    assert shop.bars()["symbol"].unique().to_list() == ["BRK-B"]


def test_a_daily_fetch_of_many_symbols_is_one_request_a_day_of_polygon(shop):
    shop.names = ["polygon"]
    shop.fetch("AAA BBB BRK.B", START, day(10))

    assert len(shop.vendors.polygon.calls) == 2
    assert shop.bars().height == 6
    shop.vendors.polygon.calls.clear()
    shop.fetch("AAA BBB BRK.B", day(10), day(10) + timedelta(days=1))
    assert len(shop.vendors.polygon.calls) == 3  # and here it would be three days
    assert shop.bars().height == 9
