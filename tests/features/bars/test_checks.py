from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from features import BAR_COLUMNS, check_bars, interval_of, list_defects, split_bad
from features.bars.checks import dated_at_midnight
from features.bars.schema import BAR_SCHEMA

OPEN = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
PRICES = ("open", "high", "low", "close")


def good_bars(count: int = 4, symbols: tuple[str, ...] = ("AAA", "BBB")) -> pl.DataFrame:
    """Hourly bars around 100 USD."""
    return pl.DataFrame(
        [
            (symbol, OPEN + timedelta(hours=i), 100.0 + i, 102.0 + i, 99.0 + i, 101.0 + i, 5e3)
            for symbol in symbols
            for i in range(count)
        ],
        schema=BAR_SCHEMA,
        orient="row",
    )


def with_value(bars: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    values = bars[column].to_list()
    values[row] = value
    return bars.with_columns(pl.Series(column, values, dtype=bars.schema[column], strict=False))


def refusal(bars: pl.DataFrame) -> DataError:
    with pytest.raises(DataError) as caught:
        check_bars(bars, origin="bars.csv", next_command="ploutos data check bars.csv")
    return caught.value


def test_good_bars_pass_unchanged():
    bars = good_bars()

    checked = check_bars(bars, origin="here").frame

    assert checked.equals(bars)
    assert tuple(checked.columns) == BAR_COLUMNS
    assert dict(checked.schema) == BAR_SCHEMA


def test_rows_are_sorted_by_symbol_and_columns_put_in_order():
    bars = good_bars()
    by_time = bars.sort("ts", "symbol", descending=[False, True]).select(reversed(BAR_COLUMNS))

    checked = check_bars(by_time, origin="here").frame

    assert checked.equals(bars)


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("close", float("nan"), "close is not a finite number (close NaN)"),
        ("open", None, "open is not a finite number (open missing)"),
        ("high", float("inf"), "high is not a finite number (high inf)"),
        ("volume", None, "volume is not a finite number"),
        ("low", 0.0, "low is not positive (low 0.0)"),
        ("close", -3.5, "close is not positive (close -3.5)"),
        ("volume", -1.0, "volume is negative (volume -1.0)"),
        ("high", 98.0, "high is below low (high 98.0, low 99.0)"),
        ("close", 250.0, "close is outside [low, high] (close 250.0, low 99.0, high 102.0)"),
        ("open", 98.0, "open is outside [low, high]"),
        ("ts", None, "has no time"),
        ("symbol", "A B", "symbol is not a ticker"),
        ("symbol", "<b>x</b>", "symbol is not a ticker"),
        ("symbol", None, "has no symbol"),
    ],
)
def test_a_bad_value_is_named_with_symbol_bar_and_reason(column, value, why):
    bars = with_value(good_bars(), 4, column, value)

    error = refusal(bars)

    symbol = "BBB" if column != "symbol" else str(value or "no symbol")
    assert error.what.startswith(f"bars.csv: {symbol}")
    assert error.what.endswith("(row 4)")
    assert ("2024-01-02 14:30 UTC" in error.what) == (column != "ts")
    assert error.why.startswith(why)
    assert error.why.endswith("1 of 8 bars are bad")
    assert error.next_command == "ploutos data check bars.csv"
    assert error.exit_code == 1


def test_two_bars_of_one_symbol_at_one_time_are_refused():
    bars = pl.concat([good_bars(), good_bars()[5:6]])

    error = refusal(bars)

    assert error.what == "bars.csv: BBB at 2024-01-02 15:30 UTC (row 5)"
    assert error.why == "another bar has the same symbol and time; 2 of 9 bars are bad"


def test_times_that_go_back_within_a_symbol_are_refused():
    bars = good_bars()[[0, 2, 1, 3, 4, 5, 6, 7]]

    error = refusal(bars)

    assert error.what == "bars.csv: AAA at 2024-01-02 15:30 UTC (row 2)"
    assert "the times are not sorted" in error.why


def test_missing_columns_are_listed_with_those_that_are_there():
    bars = good_bars().drop("high", "volume")

    error = refusal(bars)

    assert error.what == "bars.csv is not a bar file"
    assert error.why == "missing columns: high, volume; it has: symbol, ts, open, low, close"
    assert "symbol, ts, open, high, low, close, volume" in error.next_command


def test_no_rows_are_refused():
    assert refusal(good_bars().clear()).what == "bars.csv has no bars"


def test_no_columns_are_refused():
    assert refusal(pl.DataFrame()).why.endswith("it has: none")


@pytest.mark.parametrize("alias", ["timestamp", "Datetime", "DATE", " time ", "TS"])
def test_other_names_of_columns_are_understood(alias):
    bars = good_bars().rename({"ts": alias, "symbol": "Ticker", "open": "Open", "volume": "Vol"})

    assert check_bars(bars, origin="here").frame.equals(good_bars())


def test_the_exact_name_wins_over_an_alias():
    bars = good_bars().with_columns(date=pl.lit("not used"), trades=pl.lit(7))

    assert check_bars(bars, origin="here").frame.equals(good_bars())


def test_two_columns_that_could_be_the_time_are_refused():
    bars = good_bars().rename({"ts": "date"}).with_columns(time=pl.col("date"))

    error = refusal(bars)

    assert error.what == "bars.csv is ambiguous"
    assert error.why == "'date' and 'time' both name 'ts'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02 14:30", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00Z", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02 09:30:00-05:00", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00.250000+0000", datetime(2024, 1, 2, 14, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_times_as_text_are_utc_unless_they_have_an_offset(text, expected):
    bars = good_bars(1, ("AAA",)).with_columns(ts=pl.lit(text))

    assert check_bars(bars, origin="here").frame["ts"][0] == expected


def test_dates_and_zoned_and_naive_times_become_utc():
    bars = good_bars(1, ("AAA",))
    new_york = bars.with_columns(pl.col("ts").dt.convert_time_zone("America/New_York"))
    naive = bars.with_columns(pl.col("ts").dt.replace_time_zone(None).dt.cast_time_unit("ms"))
    dated = bars.with_columns(ts=pl.lit(date(2024, 1, 2)))

    assert check_bars(new_york, origin="here").frame["ts"][0] == OPEN
    assert check_bars(naive, origin="here").frame["ts"][0] == OPEN
    assert check_bars(dated, origin="here").frame["ts"][0] == datetime(2024, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("soon", "is not a time (ISO 8601"),
        ("2024-13-01", "is not a time (ISO 8601"),
        ("02/01/2024", "may be day or month first"),
        ("2024-W10-1", "is a week date: write it as year, month and day"),
        ("2024-064", "is a day of the year: write it as year, month and day"),
        ("45355", "is a day number of a spreadsheet"),
    ],
)
def test_an_unreadable_time_is_named_as_what_it_is(value, why):
    bars = with_value(good_bars().with_columns(pl.col("ts").dt.to_string("iso")), 4, "ts", value)

    error = refusal(bars)

    assert error.what == "bars.csv: BBB (row 4)"
    assert error.why.startswith(f"ts '{value}' {why}")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numbers_since_1970_are_times_by_their_size(unit):
    bars = good_bars().with_columns(pl.col("ts").dt.epoch(unit))

    assert check_bars(bars, origin="here").frame.equals(good_bars())


def test_a_table_with_the_newest_bar_first_is_turned_round_and_rows_keep_their_numbers():
    newest_first = good_bars().reverse()

    assert check_bars(newest_first, origin="here").frame.equals(good_bars())
    assert refusal(with_value(newest_first, 1, "low", -1.0)).what.endswith("(row 1)")


def test_bars_outside_the_exchange_calendar_are_bad():
    days = ["1989-12-29", "1990-01-02", "2024-01-02", "2190-01-02"]
    bars = good_bars(4, ("AAA",)).with_columns(ts=pl.Series(days))

    reasons = list_defects(bars).select("row", "reason").rows()

    assert [row for row, _ in reasons] == [0, 3]
    assert reasons[0][1].endswith("is outside the exchange calendar, which begins on 1990-01-02")
    assert reasons[1][1].startswith("2190-01-02 is outside the exchange calendar, which ends on 20")


def test_a_price_that_is_no_number_is_named():
    bars = good_bars().with_columns(pl.col("close").cast(pl.String))

    assert refusal(with_value(bars, 6, "close", "n/a")).why.startswith(
        "close 'n/a' is not a number"
    )


@pytest.mark.parametrize(
    "column",
    [
        pl.lit(True).alias("close"),
        pl.concat_list("close").alias("close"),
        pl.lit("x").alias("ts").str.encode("hex").cast(pl.Binary),
        pl.lit(1).alias("symbol"),
    ],
)
def test_a_column_of_a_wrong_type_is_refused(column):
    error = refusal(good_bars().with_columns(column))

    assert error.what == "bars.csv is not a bar file"
    assert "has the type" in error.why


def test_float32_prices_may_be_off_by_an_ulp_but_not_by_a_cent():
    bars = good_bars(1, ("AAA",))
    ulp = float(np.nextafter(np.float32(102.0), np.float32(200.0)))

    check_bars(bars.with_columns(close=pl.lit(ulp)), origin="here")

    assert "close is outside" in refusal(bars.with_columns(close=pl.lit(102.01))).why


def test_bad_bars_are_listed_in_file_order_with_one_reason_each():
    bars = with_value(with_value(good_bars(), 1, "high", 1.0), 6, "close", None)

    defects = list_defects(bars)

    assert defects["row"].to_list() == [1, 6]
    assert defects["reason"][0].startswith("high is below low")
    assert defects["reason"][1].startswith("close is not a finite number")


def test_the_quarantine_keeps_the_good_bars_and_says_why_for_the_others():
    rows = good_bars()
    contradiction = rows[2:3].with_columns(close=pl.lit(102.5))
    bars = pl.concat([rows[3:4], rows[0:3], rows[4:], rows[0:1], contradiction])
    bars = with_value(bars, 5, "low", -1.0)

    good, bad = split_bad(bars)

    assert good.frame["ts"].dt.hour().to_list() == [14, 15, 17, 14, 16, 17]
    assert check_bars(good.frame, origin="good").frame.equals(good.frame)
    assert dict(zip(bad["row"], bad["reason"], strict=True)) == {
        3: "another bar has the same symbol and time",
        5: "low is not positive (low -1.0)",
        8: "is a repeated row",
        9: "another bar has the same symbol and time",
    }


def test_a_file_of_bad_bars_only_leaves_no_good_one():
    good, bad = split_bad(good_bars().with_columns(high=pl.lit(0.0)))

    assert good.frame.height == 0
    assert bad.height == 8


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(1, "1m"), (5, "5m"), (60, "1h"), (240, "4h"), (1440, "1d"), (10080, "1w")],
)
def test_the_interval_is_the_median_spacing(minutes, expected):
    step = timedelta(minutes=minutes)
    bars = good_bars(9).with_columns(
        ts=pl.Series([OPEN + i * step for i in range(9)] * 2, dtype=BAR_SCHEMA["ts"])
    )

    assert interval_of(bars) == expected


def test_nights_and_weekends_do_not_change_the_interval():
    hours = [0, 1, 2, 3, 24, 25, 26, 27, 96, 97, 98, 99]
    bars = good_bars(12, ("AAA",)).with_columns(
        ts=pl.Series([OPEN + timedelta(hours=h) for h in hours], dtype=BAR_SCHEMA["ts"])
    )

    assert interval_of(bars) == "1h"


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2024-12-27", "2024-12-30"], "1d"),  # a Friday and a Monday
        (["2024-12-24", "2024-12-26"], "1d"),  # over Christmas
        (["2024-03-01", "2024-03-08", "2024-03-15"], "1w"),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-05-01"], "31d"),
        (["2024-03-01 14:30", "2024-03-01 17:45", "2024-03-04 14:30", "2024-03-04 17:45"], "195m"),
        (["2024-03-01 20:30", "2024-03-04 14:30", "2024-03-04 15:30"], "1h"),
    ],
)
def test_spacing_counts_within_sessions_and_from_one_to_the_next(times, expected):
    bars = good_bars(len(times), ("AAA",)).with_columns(ts=pl.Series(times))

    assert check_bars(bars, origin="here").interval == expected


def test_one_bar_has_no_interval():
    with pytest.raises(DataError, match="no symbol has two bars"):
        interval_of(good_bars(1))


def test_daily_bars_get_the_midnight_of_their_date():
    bars = good_bars(2, ("AAA",)).with_columns(
        ts=pl.Series([datetime(2024, 1, d, 5, tzinfo=UTC) for d in (2, 3)], dtype=BAR_SCHEMA["ts"])
    )

    dated = dated_at_midnight(bars)

    assert dated["ts"].to_list() == [datetime(2024, 1, d, tzinfo=UTC) for d in (2, 3)]
    with pytest.raises(DataError, match="same symbol and time"):
        dated_at_midnight(good_bars(2))


CORRUPTIONS = st.tuples(
    st.integers(0, 7),
    st.sampled_from((*PRICES, "volume")),
    st.sampled_from((float("nan"), float("inf"), -float("inf"), None, -1.0, -1e-9)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(CORRUPTIONS, min_size=1, max_size=4))
def test_no_corrupted_value_passes_and_only_corrupted_bars_are_lost(corruptions):
    bars = good_bars()
    for row, column, value in corruptions:
        bars = with_value(bars, row, column, value)

    good, bad = split_bad(bars)

    corrupted = {row for row, _, _ in corruptions}
    assert set(bad["row"]) == corrupted
    assert good.frame.height == bars.height - len(corrupted)
    assert refusal(bars).why.endswith(f"{len(corrupted)} of 8 bars are bad")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0.01, 1e6)] * 4), min_size=1, max_size=20))
def test_the_check_accepts_exactly_the_bars_whose_range_holds_open_and_close(prices):
    bars = good_bars(len(prices), ("AAA",)).with_columns(
        pl.Series(name, column)
        for name, column in zip(PRICES, zip(*prices, strict=True), strict=True)
    )

    listed = set(list_defects(bars)["row"])

    for row, (open_, high, low, close) in enumerate(prices):
        inside = low <= min(open_, close) and max(open_, close) <= high
        far = max(low / min(open_, close, high), max(open_, close) / high) > 1 + 3e-6
        assert not (inside and row in listed)
        assert not (far and row not in listed)
