"""Which symbols trade most, as of a date."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from features.bars.liquidity import most_traded

START = datetime(2024, 1, 2, 15, tzinfo=UTC)


def bars_of(volumes: dict[str, list[float]]) -> pl.DataFrame:
    """One bar a day at a price of 10 USD; `volumes` in shares."""
    rows = [
        (symbol, START + timedelta(days=day), 10.0, volume)
        for symbol, days in volumes.items()
        for day, volume in enumerate(days)
    ]
    schema = {
        "symbol": pl.String,
        "ts": pl.Datetime("us", "UTC"),
        "close": pl.Float64,
        "volume": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_the_largest_median_dollar_volume_wins() -> None:
    bars = bars_of({"AAA": [5, 5, 5], "BBB": [9, 1, 9], "CCC": [100, 1, 1]})

    chosen = most_traded(bars, 2, START + timedelta(days=3))

    assert chosen == ("AAA", "BBB")  # medians 50, 90 and 10 USD


def test_a_symbol_that_starts_later_is_chosen_last() -> None:
    bars = bars_of({"AAA": [1, 1, 1], "NEW": [0, 0, 1e9]})

    chosen = most_traded(bars, 1, START + timedelta(days=2))

    assert chosen == ("AAA",)


def test_ties_go_to_the_name_that_sorts_first() -> None:
    bars = bars_of({"BBB": [5], "AAA": [5], "CCC": [5]})

    assert most_traded(bars, 2, START + timedelta(days=1)) == ("AAA", "BBB")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(1, 1e9), min_size=4, max_size=4), st.floats(1, 1e9))
def test_nothing_at_or_after_the_date_changes_the_choice(past: list[float], later: float) -> None:
    known = {name: [volume] for name, volume in zip("ABCD", past, strict=True)}
    before = START + timedelta(days=1)

    alone = most_traded(bars_of(known), 2, before)
    with_future = {name: [*days, later if name == "A" else 1.0] for name, days in known.items()}

    assert most_traded(bars_of(with_future), 2, before) == alone
