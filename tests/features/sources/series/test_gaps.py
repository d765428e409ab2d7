"""What a series lacks, told by its bars and the calendar."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.bars.sessions import session_dates, sessions_between
from features.sources.series.asked import InVain, add_asked, read_asked
from features.sources.series.gaps import (
    Gap,
    Place,
    end_of_data,
    gaps_of,
    has_session,
    named,
)

MORNING = datetime(2024, 1, 10, 14, tzinfo=UTC)
EVENING = datetime(2024, 1, 10, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "delay", "interval", "end"),
    [
        (MORNING, 0, "1d", date(2024, 1, 10)),
        (EVENING, 16, "1d", date(2024, 1, 11)),
        (EVENING, 45, "1d", date(2024, 1, 10)),
        (datetime(2024, 7, 3, 17, 30, tzinfo=UTC), 16, "1d", date(2024, 7, 4)),  # half day
        (datetime(2024, 1, 13, 9, tzinfo=UTC), 16, "1d", date(2024, 1, 14)),  # Saturday
    ],
)
def test_a_daily_bar_is_there_when_its_session_has_closed(now, delay, interval, end):
    found = end_of_data(now, timedelta(minutes=delay), interval)

    assert found == datetime(end.year, end.month, end.day, tzinfo=UTC)


def test_an_intraday_bar_is_there_when_its_period_is_over():
    assert end_of_data(EVENING, timedelta(minutes=16), "1h") == EVENING - timedelta(minutes=76)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, day, hour, tzinfo=UTC)


def times(*moments: datetime) -> np.ndarray:
    return np.array([moment.replace(tzinfo=None) for moment in moments], dtype="datetime64[us]")


def daily(*days: int) -> np.ndarray:
    return times(*(at(day) for day in days))


def found(bars: np.ndarray, window: tuple[datetime, datetime], interval: str = "1d") -> list:
    return [(gap.place, gap.window) for gap in gaps_of(bars, window, interval)]


def test_daily_gaps_lie_before_between_and_after_the_bars():
    gaps = gaps_of(daily(10, 11, 17), (at(8), at(22)), "1d")

    assert [(gap.place, gap.window) for gap in gaps] == [
        (Place.HEAD, (at(8), at(10))),
        (Place.INNER, (at(12), at(17))),  # the 15th is a holiday
        (Place.TAIL, (at(18), at(22))),
    ]
    assert gaps[1].sessions == (date(2024, 1, 12), date(2024, 1, 16))


@pytest.mark.parametrize(
    ("bars", "window"),
    [
        (daily(8, 9, 10), (at(6), at(11))),  # a weekend before
        (daily(12), (at(12), at(16))),  # a weekend and a holiday after
        (daily(11, 12, 16), (at(11), at(17))),  # between
    ],
)
def test_days_without_a_session_are_no_gaps(bars, window):
    assert found(bars, window) == []


def test_hours_of_a_vendor_that_lags_are_a_gap_on_the_same_day():
    bars = times(*(at(9, hour) for hour in range(14, 21)), at(10, 14), at(10, 15))

    assert found(bars, (at(9), at(10, 19)), "1h") == [(Place.TAIL, (at(10, 16), at(10, 19)))]
    assert found(bars, (at(9), at(10, 16)), "1h") == []


def test_hours_in_the_middle_of_a_session_are_a_gap():
    bars = times(*(at(9, hour) for hour in (14, 15, 18, 19, 20)))

    assert found(bars, (at(9), at(10)), "1h") == [(Place.INNER, (at(9, 16), at(9, 18)))]


def test_early_and_late_hours_are_not_expected():
    bars = times(at(9, 9), *(at(9, hour) for hour in range(14, 21)), at(10, 14))

    assert found(bars, (at(9), at(10, 15)), "1h") == []


def test_minutes_of_quiet_trading_are_no_gap_and_half_an_hour_is_one():
    every = [at(9, 14) + timedelta(minutes=minute) for minute in range(30, 420)]

    def without(first: int, count: int) -> list:
        kept = [ts for n, ts in enumerate(every) if not first <= n < first + count]
        return found(times(*kept), (at(9), at(10)), "1m")

    assert without(100, 29) == without(375, 15) == []
    assert without(100, 30) == [(Place.INNER, (every[100], every[130]))]


def test_sessions_are_named_in_runs():
    assert named([date(2024, 1, day) for day in (19, 11, 12, 16, 22)]) == (
        "2024-01-11 to 2024-01-16, 2024-01-19 to 2024-01-22"
    )
    assert named([date(2024, 1, 19)]) == "2024-01-19"


SESSIONS = session_dates(sessions_between(date(2024, 1, 2), date(2024, 3, 1))).tolist()


@settings(max_examples=60, deadline=None)
@given(present=st.sets(st.sampled_from(SESSIONS), min_size=1))
def test_every_session_has_a_bar_or_is_in_a_gap_and_never_both(present):
    bars = np.array(sorted(present), dtype="datetime64[us]")

    gaps = gaps_of(bars, (at(2), datetime(2024, 3, 2, tzinfo=UTC)), "1d")

    lacking = [day for gap in gaps for day in gap.sessions]
    assert sorted([*lacking, *present]) == SESSIONS


def test_a_window_has_a_session_or_not():
    assert not has_session(at(13), at(16), "1d")  # a weekend and a holiday
    assert has_session(at(13), at(17), "1d")
    assert not has_session(at(9, 21), at(10, 14), "1h")
    assert has_session(at(9, 20), at(10), "1h")


NOW = datetime(2024, 2, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def gap(place: Place, first: int, last: int) -> Gap:
    return Gap(place, (at(first), at(last)), (date(2024, 1, first),))


def test_a_gap_is_settled_when_it_was_asked_for_in_vain_a_week_after_the_first_time(tmp_path):
    inner, tail = gap(Place.INNER, 10, 12), gap(Place.TAIL, 20, 24)

    def asked(when: datetime) -> list[InVain]:
        add_asked(tmp_path, {"AAA": [inner, tail]}, when)
        return read_asked(tmp_path)["AAA"]

    assert not any(known.settles(inner) for known in asked(NOW) + asked(NOW + 0.9 * WEEK))
    first, second = asked(NOW + WEEK)
    assert first.settles(inner)
    assert not first.settles(gap(Place.INNER, 10, 17))
    assert not second.settles(tail)  # it may trade again


def test_the_time_before_a_series_is_settled_at_once(tmp_path):
    add_asked(tmp_path, {"AAA": [gap(Place.HEAD, 2, 8)]}, NOW)

    (known,) = read_asked(tmp_path)["AAA"]

    assert known.settles(gap(Place.HEAD, 4, 8))
    assert not known.settles(gap(Place.HEAD, 1, 8))


def test_of_the_windows_of_older_versions_only_the_beginning_is_believed(tmp_path):
    (tmp_path / "asked.json").write_text(
        '{"AAA": ["2024-01-02T00:00:00+00:00", "2024-01-20T00:00:00+00:00"]}'
    )

    (known,) = read_asked(tmp_path)["AAA"]

    assert known.settles(gap(Place.HEAD, 2, 8))
    assert not known.settles(gap(Place.INNER, 10, 12))
    assert not known.settles(gap(Place.TAIL, 16, 20))
    add_asked(tmp_path, {"AAA": []}, NOW)
    assert read_asked(tmp_path)["AAA"] == [known]
