from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from features.bars.sessions import (
    OUTSIDE,
    is_half_day,
    is_session,
    session_close,
    session_dates,
    session_index,
    session_times,
    sessions_between,
    sessions_from,
)


def times(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


def test_a_bar_belongs_to_the_session_in_which_it_starts():
    ts = times(
        "2024-07-05T13:29:59", "2024-07-05T13:30", "2024-07-05T19:59:59.999999", "2024-07-05T20:00"
    )

    index = session_index(ts)

    assert index.dtype == np.int64
    assert (index == OUTSIDE).tolist() == [True, False, False, True]
    assert session_dates(index[1:3]).tolist() == [date(2024, 7, 5)] * 2


def test_an_hourly_bar_at_midnight_utc_is_after_hours_trading_and_no_daily_bar():
    # 19:00 New York of the day before
    index = session_index(times("2024-01-03T00:00", "2024-01-03T15:00"))

    assert index.tolist() == [OUTSIDE, index[1]]
    assert session_index(times("2024-01-03T00:00"), daily=False).tolist() == [OUTSIDE]
    assert session_index(times("2024-01-03T05:00"), daily=True).tolist() == [index[1]]


def test_bars_that_all_start_at_midnight_utc_are_daily_bars():
    index = session_index(times("2024-07-04", "2024-07-05", "2024-07-06"))

    assert index.tolist() == [OUTSIDE, index[1], OUTSIDE]
    assert session_dates(index[1:2])[0] == np.datetime64("2024-07-05")


def test_numbers_count_sessions_from_1990_in_any_order_of_times():
    index = session_index(times("2024-01-03T15:00", "1990-01-02T14:30", "2024-01-02T15:00"))

    assert index[1] == 0
    assert index[0] - index[2] == 1
    assert index[2] == 8565


def opening(day: date) -> datetime:
    number = session_index(times(day.isoformat()), daily=True)
    return session_times(number)[0][0].astype(datetime).replace(tzinfo=UTC)


def test_winter_and_summer_open_an_hour_apart_in_utc():
    assert opening(date(2024, 1, 2)) == datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
    assert opening(date(2024, 7, 2)) == datetime(2024, 7, 2, 13, 30, tzinfo=UTC)
    assert session_close(date(2024, 1, 2)) == datetime(2024, 1, 2, 21, 0, tzinfo=UTC)
    # New York changes its clocks on 2024-03-10, Europe three weeks later
    assert opening(date(2024, 3, 8)).hour == 14
    assert opening(date(2024, 3, 11)).hour == 13


@pytest.mark.parametrize(
    "day", [date(2024, 7, 3), date(2024, 11, 29), date(2024, 12, 24), date(2026, 11, 27)]
)
def test_half_days_close_at_13_new_york(day):
    assert is_half_day(day)
    assert session_close(day) - opening(day) == timedelta(hours=3, minutes=30)


@pytest.mark.parametrize(
    "day",
    [date(2024, 1, 1), date(2024, 3, 29), date(2024, 6, 19), date(2024, 1, 6), date(2025, 1, 9)],
)
def test_holidays_weekends_and_days_of_mourning_are_no_sessions(day):
    assert not is_session(day)
    assert not is_half_day(day)
    with pytest.raises(DataError, match="is not a session"):
        session_close(day)


def test_a_whole_session_is_not_a_half_day():
    assert is_session(date(2024, 1, 2))
    assert not is_half_day(date(2024, 1, 2))


def test_a_year_has_252_sessions():
    sessions = sessions_between(date(2024, 1, 1), date(2024, 12, 31))

    assert len(sessions) == 252
    assert np.all(np.diff(sessions) == 1)
    assert session_dates(sessions)[[0, -1]].tolist() == [date(2024, 1, 2), date(2024, 12, 31)]


def test_sessions_are_taken_from_the_first_on_or_after_a_date():
    sessions = sessions_from(date(2024, 7, 4), 3)

    assert session_dates(sessions).tolist() == [date(2024, 7, d) for d in (5, 8, 9)]


def test_hours_of_many_sessions_come_at_once():
    opens, closes = session_times(sessions_from(date(2024, 7, 2), 2))

    assert opens.tolist() == times("2024-07-02T13:30", "2024-07-03T13:30").tolist()
    assert closes.tolist() == times("2024-07-02T20:00", "2024-07-03T17:00").tolist()


@pytest.mark.parametrize("time", ["1989-12-29", "2100-01-04", "NaT"])
def test_a_time_outside_the_calendar_is_refused(time):
    with pytest.raises(DataError, match="outside the exchange calendar") as caught:
        session_index(times("2024-01-02", time))

    assert "1990-01-02" in caught.value.why


def test_sessions_outside_the_calendar_are_refused():
    with pytest.raises(DataError, match="cannot take 100000 sessions"):
        sessions_from(date(2020, 1, 2), 100_000)
    with pytest.raises(DataError, match="cannot take 1 sessions"):
        sessions_from(date(1980, 1, 2), 1)
    with pytest.raises(DataError, match="no session 99999"):
        session_dates(np.array([5, 99_999]))
    with pytest.raises(DataError, match="outside the exchange calendar"):
        is_half_day(date(2100, 1, 4))


def test_no_times_have_no_sessions():
    assert session_index(np.array([], dtype="datetime64[us]")).tolist() == []


@settings(max_examples=60, deadline=None)
@given(st.dates(date(1990, 1, 3), date(2026, 6, 30)), st.integers(1, 24 * 3600 - 1))
def test_a_time_is_inside_exactly_when_the_sessions_hours_hold_it(day, second):
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)

    inside = session_index(times(moment.isoformat()[:19]))[0] != OUTSIDE

    # a session never crosses midnight UTC
    assert inside == (is_session(day) and opening(day) <= moment < session_close(day))
