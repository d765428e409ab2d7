"""Answers that are short, late, odd or of something else: no bar is lost, none left out unsaid."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from test_fetch import START, Shop, day

import servers
from features import Lake
from servers import Document, Reply

Bars = list[Document]
END = day(23, month=2)


@pytest.fixture
def shop(vendors, market, tmp_path) -> Shop:
    shop = Shop(vendors, Lake(tmp_path / "lake"))
    shop.names = ["alpaca"]
    shop.healthy = vendors.alpaca.answer = servers.alpaca(market, page=1000).answer
    return shop


def edit(shop: Shop, change: Callable[[Bars], Bars] | None) -> None:
    """Let Alpaca change the bars of AAA in every answer."""

    def answer(call: Any) -> Reply:
        reply = shop.healthy(call)
        bars = reply.document.get("bars", {})
        if change is not None and "AAA" in bars:
            bars["AAA"] = change(bars["AAA"])
        return reply

    shop.vendors.alpaca.answer = answer


def closes(shop: Shop, interval: str = "1d") -> dict[datetime, float]:
    bars = shop.bars(interval).filter(pl.col("symbol") == "AAA")
    return dict(bars.select("ts", "close").iter_rows())


def truth(shop: Shop, tmp_path: Any, end: datetime, interval: str = "1d") -> dict[datetime, float]:
    edit(shop, None)
    other = Shop(shop.vendors, Lake(tmp_path / "truth"))
    other.names = ["alpaca"]
    assert other.fetch("AAA", START, end, interval).complete
    return closes(other, interval)


def of(*days: str) -> Callable[[Bars], Bars]:
    """Drop the bars of these days."""
    return lambda bars: [bar for bar in bars if not bar["t"].startswith(days)]


def test_hours_that_a_vendor_has_not_yet_are_asked_for_again(shop, tmp_path):
    shop.vendors.now = datetime(2024, 1, 10, 20, 10, tzinfo=UTC)
    edit(shop, lambda bars: [bar for bar in bars if bar["t"] <= "2024-01-10T15"])
    first = shop.fetch("AAA", START, interval="1h")

    edit(shop, None)
    second = shop.fetch("AAA", START, interval="1h")

    assert not first.complete
    assert first.outcomes["AAA"].reasons["alpaca"] == "it has no bars from 2024-01-10 15:00 UTC on"
    assert first.outcomes["AAA"].lacking == (date(2024, 1, 10),)
    assert second.complete
    assert closes(shop, "1h") == truth(shop, tmp_path, None, "1h")


@pytest.mark.parametrize(
    "fault",
    [
        of("2024-01-10", "2024-01-17"),
        lambda bars: [
            bar | dict.fromkeys("ohlcv") if "2024-01-10" in bar["t"] else bar for bar in bars
        ],
        lambda bars: [bar | {"h": 1.0} if "2024-01-10" in bar["t"] else bar for bar in bars],
        lambda bars: [bar | {"c": "n/a"} if "2024-01-10" in bar["t"] else bar for bar in bars],
        lambda bars: [bar | {"v": 10**400} if "2024-01-10" in bar["t"] else bar for bar in bars],
    ],
    ids=["left out", "null rows", "high below low", "text", "400 digits"],
)
def test_sessions_that_came_without_a_bar_are_named_and_asked_for_again(shop, tmp_path, fault):
    edit(shop, fault)
    first = shop.fetch("AAA", START, END)
    lacking = first.outcomes["AAA"].lacking

    edit(shop, None)
    second = shop.fetch("AAA", START, END)

    assert not first.complete
    assert lacking[0] == date(2024, 1, 10)
    assert "lacks bars of 2024-01-10" in first.outcomes["AAA"].reasons["alpaca"]
    assert second.complete
    assert closes(shop) == truth(shop, tmp_path, END)


def test_a_cut_answer_is_asked_for_the_rest_at_once(shop, tmp_path):
    edit(shop, lambda bars: bars[-5:])

    result = shop.fetch("AAA", day(29), END)

    assert result.complete
    assert len(closes(shop)) == 18


def test_what_was_left_out_before_the_first_bar_is_no_late_listing(shop):
    edit(shop, of("2024-01-08", "2024-01-09"))
    shop.fetch("AAA", day(10), END)
    edit(shop, of("2024-01-09"))

    result = shop.fetch("AAA", START, END)

    assert not result.complete
    assert result.outcomes["AAA"].lacking == (date(2024, 1, 9),)


def test_a_null_at_the_edge_loses_no_bar(shop):
    shop.fetch("AAA", START, day(20))
    before = closes(shop)
    edit(shop, of("2024-01-19"))

    result = shop.fetch("AAA", START, day(25))

    assert result.complete
    assert result.outcomes["AAA"].refetched == ""
    assert {ts: close for ts, close in closes(shop).items() if ts in before} == before


def test_a_provisional_bar_gets_its_last_values(shop, tmp_path):
    def provisional(bars: Bars) -> Bars:
        return [*bars[:-1], bars[-1] | {"c": bars[-1]["c"] * 1.004, "v": 12.0}]

    for last in range(16, 24):
        edit(shop, provisional)
        assert shop.fetch("AAA", START, day(last)).complete
    edit(shop, None)
    result = shop.fetch("AAA", START, day(25))

    assert result.outcomes["AAA"].refetched == ""
    assert closes(shop) == truth(shop, tmp_path, day(25))
    assert shop.bars()["volume"].to_list()[-2:] == [1014.0, 1015.0]


def split(share: Callable[[int, int], bool]) -> Callable[[Bars], Bars]:
    """Four for one; `share` tells of which bars of an answer."""

    def change(bars: Bars) -> Bars:
        return [
            bar | {n: bar[n] / 4 for n in "ohlc"} | {"v": bar["v"] * 4}
            if share(n, len(bars))
            else bar
            for n, bar in enumerate(bars)
        ]

    return change


def test_a_split_that_is_rebased_a_day_late_is_rebased(shop):
    shop.fetch("AAA", START, day(19))
    edit(shop, split(lambda n, count: n == count - 1))
    late = shop.fetch("AAA", START, day(20))
    edit(shop, split(lambda n, count: True))

    result = shop.fetch("AAA", START, day(23))

    assert late.complete
    assert result.complete
    assert result.outcomes["AAA"].refetched == "its past is 0.25 times what it was"
    assert list(closes(shop).values()) == [(104.0 + n) * 1.005 / 4 for n in range(10)]


def test_a_refetch_that_brings_a_few_bars_replaces_nothing(shop):
    shop.fetch("AAA", START, END)
    before = shop.bars()
    edit(shop, lambda bars: split(lambda n, count: True)(bars)[-5:])

    result = shop.fetch("AAA", START, day(27, month=2))

    assert not result.complete
    assert result.notes()["3 of 32 stored bars came back, kept as it was"] == ["AAA"]
    assert shop.bars().equals(before)


def test_a_ticker_that_was_given_to_another_company_replaces_nothing(shop, market):
    shop.fetch("AAA", START, END)
    before = shop.bars()
    edit(shop, lambda bars: [bar | {n: 7.0 + i % 3 for n in "ohlc"} for i, bar in enumerate(bars)])

    result = shop.fetch("AAA", START, day(27, month=2))

    assert not result.complete
    assert "close differs by 9" in result.outcomes["AAA"].reasons["alpaca"]
    assert shop.bars().equals(before)


def test_a_close_that_is_far_off_is_taken_when_it_is_asked_for_again(shop):
    edit(shop, lambda bars: [b | {"c": b["l"]} if "2024-01-18" in b["t"] else b for b in bars])
    shop.fetch("AAA", START, day(20))
    edit(shop, None)

    usual = shop.fetch("AAA", START, day(23))
    again = shop.fetch("AAA", day(18), day(23), again=True)

    assert not usual.complete
    assert "differ from those stored by more than 1%" in usual.outcomes["AAA"].reasons["alpaca"]
    assert again.complete
    assert closes(shop)[day(18)] == 111.0 * 1.005


def test_again_cures_the_note_of_an_older_version(shop, tmp_path):
    edit(shop, of("2024-01-08", "2024-01-09"))
    shop.fetch("AAA", day(10), END)
    edit(shop, None)
    (shop.lake.folder("1d", "alpaca") / "asked.json").write_text(
        f'{{"AAA": ["{START.isoformat()}", "{END.isoformat()}"]}}'
    )
    assert shop.fetch("AAA", START, END).complete
    assert closes(shop).keys().isdisjoint({day(8), day(9)})

    assert shop.fetch("AAA", START, END, again=True).complete

    assert closes(shop) == truth(shop, tmp_path, END)


def test_a_symbol_that_trades_no_more_is_a_note_while_another_one_trades(shop):
    edit(shop, lambda bars: [bar for bar in bars if bar["t"] < "2024-02-01"])

    alone = shop.fetch("AAA", START, END)
    both = shop.fetch("AAA BBB", START, END)

    assert not alone.complete
    assert both.complete
    assert both.notes() == {
        "alpaca: it has no bars from 2024-02-01 on; it was not traded then, it seems": ["AAA"]
    }


def test_a_halt_is_a_note_a_week_after_it_was_first_asked_for_in_vain(shop):
    edit(shop, of("2024-01-17", "2024-01-18"))
    assert not shop.fetch("AAA", START, END).complete
    shop.vendors.now += timedelta(days=6)
    assert not shop.fetch("AAA", START, END).complete
    shop.vendors.now += timedelta(days=1)

    result = shop.fetch("AAA", START, END)

    assert result.complete
    assert list(result.notes()) == [
        "alpaca: it lacks bars of 2024-01-17 to 2024-01-18; it was not traded then, it seems"
    ]
    edit(shop, None)
    shop.fetch("AAA", START, END)
    assert closes(shop).keys() >= {day(17), day(18)}


def test_bars_that_joined_prove_nothing_for_those_of_others(shop):
    shop.names = ["alpaca", "yahoo"]
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")
    for scale, last in ((1.009, 27), (1.018, 31)):
        market = servers.Market({"AAA": 100.0}, scale=scale)
        shop.vendors.yahoo.answer = servers.yahoo(market).answer
        result = shop.fetch("AAA", START, day(last))

    assert (
        result.outcomes["AAA"]
        .reasons["yahoo"]
        .startswith("adjustment: close differs by up to 1.80% (limit 1%)")
    )
    assert shop.bars()["ts"].max() == day(26)


@pytest.mark.parametrize(
    ("interval", "change", "why"),
    [
        ("1h", lambda bars: bars[::7], "its bars are "),
        ("1d", lambda bars: [b | {"v": n} for b in bars for n in (1, 2)], "its bars are 0:00:00"),
    ],
)
def test_bars_of_another_interval_are_a_source_that_is_down(shop, interval, change, why):
    edit(shop, change)

    result = shop.fetch("AAA", START, day(31), interval)

    assert not result.complete
    assert result.outcomes["AAA"].reasons["alpaca"].startswith(why)
    assert not shop.lake.root.exists()


def test_dates_that_are_a_day_off_are_refused_and_a_stray_one_is_set_aside(shop):
    def later(bars: Bars) -> Bars:
        return [
            b | {"t": f"{date.fromisoformat(b['t'][:10]) + timedelta(days=1)}T05:00:00Z"}
            for b in bars
        ]

    edit(shop, later)
    off = shop.fetch("AAA", START, day(31))
    edit(shop, lambda bars: [*bars, bars[-1] | {"t": "2024-01-27T05:00:00Z"}])
    stray = shop.fetch("AAA", START, day(31))

    assert "of days without a session" in off.outcomes["AAA"].reasons["alpaca"]
    assert stray.complete
    assert stray.outcomes["AAA"].set_aside == {
        datetime(2024, 1, 27, tzinfo=UTC): "the exchange is closed then"
    }


def test_a_series_that_its_source_does_not_reach_back_to_is_put_on_its_new_basis(shop, market):
    shop.names = ["yahoo"]
    shop.fetch("AAA", START, day(19), "1h")
    before = closes(shop, "1h")
    shop.vendors.now = START + timedelta(days=732)
    market.scale, market.lots = 0.25, 0.25

    result = shop.fetch("AAA", START, day(23), "1h")

    after = closes(shop, "1h")
    assert result.complete
    assert result.outcomes["AAA"].refetched.startswith(
        "its past is 0.25 times what it was, and not to be had anew: its 1h bars reach back 730"
    )
    assert {ts: after[ts] for ts in before} == {ts: 0.25 * close for ts, close in before.items()}
    assert len(after) == len(before) + 14
    assert shop.bars("1h")["volume"][0] == 4 * 1004.0
