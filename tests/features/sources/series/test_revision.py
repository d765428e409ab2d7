"""What of a series may be written over by what its own source says now."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.bars.schema import BAR_SCHEMA, PRICE_COLUMNS
from features.sources.series.revision import not_covered, rebased, revise

FIRST = datetime(2024, 1, 8, 14, tzinfo=UTC)


def bars(count: int = 30, start: int = 0) -> pl.DataFrame:
    rows = [
        ("AAA", FIRST + timedelta(days=n), 100.0 + n, 102.0 + n, 99.0 + n, 101.0 + n, 1000.0 + n)
        for n in range(start, count)
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


def at(row: int, **values: float) -> pl.DataFrame:
    """The bars, one of them with other values."""
    here = pl.int_range(pl.len()) == row
    changed = {name: pl.when(here).then(value).otherwise(name) for name, value in values.items()}
    return bars().with_columns(**changed)


def test_new_bars_are_taken_and_what_is_the_same_is_not_written_again():
    revision = revise(bars(25), bars())

    assert revision.bars.equals(bars(start=25))
    assert (revision.new, revision.kept.height, revision.factor) == (5, 0, None)


@pytest.mark.parametrize("row", [29, 3])
def test_a_correction_is_taken_and_a_provisional_volume_is_no_reason_for_more(row):
    theirs = at(row, close=101.0 + row + 0.9, high=110.0 + row, volume=250_000.0)

    revision = revise(bars(), theirs)

    assert revision.bars["volume"].to_list() == [250_000.0]
    assert (revision.new, revision.factor, revision.reason) == (0, None, "")


def test_a_close_that_is_far_off_does_not_replace_a_stored_one_unless_asked_to():
    theirs = at(29, close=13.0, low=12.0)

    assert revise(bars(), theirs).kept["close"].to_list() == [130.0]
    assert revise(bars(), theirs).bars.is_empty()
    assert revise(bars(), theirs, any_size=True).bars["close"].to_list() == [13.0]


def test_a_missing_bar_is_no_other_past():
    revision = revise(bars(), bars(29))

    assert revision.bars.is_empty()
    assert (revision.factor, revision.reason) == (None, "")


def times(factor: float, count: int = 30) -> pl.DataFrame:
    prices = pl.col(PRICE_COLUMNS) * factor
    return bars(count).with_columns(prices, pl.col("volume") / factor)


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.01, 20).filter(lambda f: abs(f - 1) > 0.001), late=st.integers(0, 9))
def test_one_factor_on_most_of_the_last_twenty_bars_is_another_past(factor, late):
    theirs = pl.concat([times(factor, 30 - late), bars(start=30 - late)])

    revision = revise(bars(), theirs)

    assert revision.factor == pytest.approx(factor)
    assert revision.bars.is_empty()


def test_two_bars_decide_nothing():
    revision = revise(bars(2), times(0.25))

    assert (revision.factor, revision.new) == (None, 0)
    assert revision.reason == "close differs by more than 1% on 2 of 2 bars"


def test_an_answer_that_leaves_the_whole_edge_out_proves_nothing():
    assert revise(bars(20), bars(start=20)).reason == "none of the bars beside it came back"


def test_another_company_under_the_same_ticker_is_refused():
    other = bars().with_columns(pl.col(PRICE_COLUMNS) * (2 + pl.int_range(pl.len()) % 3))

    reason = revise(bars(), other).reason

    assert reason == "close differs by 200.00% in the median of 20 bars"


def test_a_feed_that_counts_only_one_exchange_is_refused():
    other = bars().with_columns(pl.col("volume") * 0.025)

    assert revise(bars(), other).reason == (
        "volume unit: theirs is 0.025 times ours in the median of 20 bars"
    )
    assert revise(bars(9), other.head(9)).reason == ""  # it may be a provisional day


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (times(0.5), ""),
        (pl.concat([times(0.5, 14), times(0.5).tail(15)]), "29 of 30 stored bars came back"),
        (times(0.5).tail(29), "29 of 30 stored bars came back, kept as it was"),
        (times(0.5).head(29), "29 of 30 stored bars came back, kept as it was"),
        (times(0.5).tail(3), "3 of 30 stored bars came back, kept as it was"),
        (
            bars().with_columns(pl.col("close") * (1 + pl.int_range(pl.len()) % 3)),
            "its 30 bars and those that are stored differ by no one ratio, kept as it was",
        ),
    ],
)
def test_only_an_answer_that_covers_a_series_may_replace_it(answer, said):
    assert not_covered(bars(), answer).startswith(said)
    assert bool(not_covered(bars(), answer)) == bool(said)


def test_what_does_not_come_back_is_put_on_the_new_basis():
    after_split = rebased(bars(5), bars(), times(0.25))
    after_dividend = rebased(bars(5), bars(), bars().with_columns(pl.col(PRICE_COLUMNS) * 0.98))

    assert after_split.equals(times(0.25, 5))
    assert after_dividend["close"].to_list() == [(101.0 + n) * 0.98 for n in range(5)]
    assert after_dividend["volume"].to_list() == bars(5)["volume"].to_list()
