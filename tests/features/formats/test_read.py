"""Encodings, separators, numbers, times, zones and intervals of files as people have them."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from features import SimulatedMarket, check_bars
from features.bars.file_consistency import other_zone
from features.bars.times import Clock, read_times
from features.formats.read import FileBars, read_bars, read_file
from features.formats.reading import Reading
from places import DATA, SHARED

NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
HEAD = "symbol,ts,open,high,low,close,volume\n"
ROWS = "AAPL,2024-03-04,100.5,101.25,99.5,100.75,1000\nAAPL,2024-03-05,100,102,99,101,2000\n"


def read(folder: Path, content: str | bytes, *, drop_bad: bool = False, **said: str) -> FileBars:
    path = folder / "bars.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, Reading(**said), drop_bad=drop_bad, now=NOW)  # type: ignore[arg-type]


def refusal(folder: Path, content: str, **said: str) -> DataError:
    with pytest.raises(DataError) as refused:
        read(folder, content, **said)
    return refused.value


@pytest.mark.parametrize(
    "content",
    [
        (HEAD + ROWS).encode("utf-8-sig"),
        (HEAD + ROWS).encode("utf-16"),
        (HEAD + ROWS).encode("utf-16-le"),
        (HEAD + ROWS)
        .replace("volume\n", "volume,n\xe4me\n")
        .replace("00\n", "00,\xe9\n")
        .encode("latin-1"),
        (HEAD + ROWS).replace("\n", "\r").encode(),
        (HEAD + ROWS).replace("\n", "\r\n").encode(),
        (HEAD + ROWS).replace(",", "\t").encode(),
        (HEAD + ROWS).replace(",", "|").encode(),
        ("sep=;\n" + HEAD + ROWS).replace(",", ";").encode(),
        (HEAD + ROWS).replace(",", ";").replace(".", ",").encode(),
        (HEAD + ROWS + "\n\n").replace("2024-03-0", "2024030").encode(),
        (
            HEAD.replace("ts", "Date,Time")
            + ROWS.replace("-04,", "-04,0:00,").replace("-05,", "-05,000000,")
        ).encode(),
    ],
    ids=list("abcdefghijkl"),
)
def test_text_of_every_encoding_separator_and_line_end_says_the_same(tmp_path, content):
    bars = read(tmp_path, content).bars.frame

    assert bars["ts"].to_list() == [datetime(2024, 3, day, tzinfo=UTC) for day in (4, 5)]
    assert bars.row(0)[2:] == (100.5, 101.25, 99.5, 100.75, 1000.0)


@pytest.mark.parametrize("content", ["", "sep=;", "\n\n", HEAD, "a", '"Date","Open'])
def test_a_text_without_rows_is_refused(tmp_path, content):
    assert refusal(tmp_path, content).next_command
    assert refusal(tmp_path, content, zone="America/New_York").why


def price_row(price: str, volume: str = "1000") -> str:
    return HEAD.replace(",", ";") + f"A;2024-03-04;{price};{price};{price};{price};{volume}\n"


@pytest.mark.parametrize(
    ("price", "volume", "read_as"),
    [
        ("$1,234.50", "12.3M", (1234.5, 12.3e6)),
        ("1.234,50", "12,3K", (1234.5, 12.3e3)),
        ("1 234,5", "1.000.000", (1234.5, 1e6)),
        ("1'234.5", "1,000,000", (1234.5, 1e6)),
        ("99.5 USD", "2B", (99.5, 2e9)),
        ("1e2", "0", (100.0, 0.0)),
        ("0,1234", "1,5", (0.1234, 1.5)),
    ],
)
def test_numbers_are_read_as_people_write_them(tmp_path, price, volume, read_as):
    bars = read(tmp_path, price_row(price, volume), interval="1d").bars.frame

    assert bars.select("close", "volume").row(0) == read_as


@pytest.mark.parametrize(
    ("price", "volume", "what", "why"),
    [
        ("1,234", "100", "numbers of two meanings", "'1,234' may be thousands or have three"),
        ("10,5", "1.5", "mixes ways to write numbers", "'10,5' has a decimal comma, '1.5' a"),
        ("10.5", "-", "A at", "volume is not a finite number (volume missing)"),
        ("10.5", "many", "A at", "volume 'many' is not a number"),
    ],
)
def test_numbers_of_no_or_two_meanings_are_refused(tmp_path, price, volume, what, why):
    error = refusal(tmp_path, price_row(price, volume), interval="1d")

    assert what in error.what
    assert error.why.startswith(why)


@pytest.mark.parametrize(
    ("text", "clock", "expected"),
    [
        ("2024-03-04T14:30:00.250Z", Clock(), "2024-03-04 14:30:00.25"),
        ("20240304T143000,5", Clock(), "2024-03-04 14:30:00.5"),
        ("2024-03-04T20:00:00+05:30", Clock(), "2024-03-04 14:30"),
        ("2024-03-04 09:30-05", Clock(zone="Asia/Tokyo"), "2024-03-04 14:30"),
        ("2024-03-04T14", Clock(), "2024-03-04 14:00"),
        ("20240304143000", Clock(), "2024-03-04 14:30"),
        ("2024/3/4 2:30 PM", Clock(), "2024-03-04 14:30"),
        ("03/14/2024 14:30", Clock(), "2024-03-14 14:30"),
        ("14/03/2024", Clock(), "2024-03-14"),
        ("03/04/2024", Clock(dates="dmy"), "2024-04-03"),
        ("4.3.24", Clock(), "2024-03-04"),
        ("Mar 04, 2024", Clock(), "2024-03-04"),
        ("4-Mar-2024 12:05 am", Clock(), "2024-03-04 00:05"),
        ("1709562600", Clock(), "2024-03-04 14:30"),
        ("1709562600.0", Clock(), "2024-03-04 14:30"),
        ("1709562600000", Clock(), "2024-03-04 14:30"),
        ("1709562600000000000", Clock(), "2024-03-04 14:30"),
        ("1709562600000", Clock(epoch="us"), "1970-01-20 18:52:42.6"),
        ("2024-03-04 09:30", Clock(zone="America/New_York"), "2024-03-04 14:30"),
        ("2024-03-11 09:30", Clock(zone="America/New_York"), "2024-03-11 13:30"),
        ("2024-03-11 09:30Z", Clock(zone="America/New_York"), "2024-03-11 13:30"),
        ("2024-03-11", Clock(zone="America/New_York"), "2024-03-11"),
        ("2024-03-11 00:00:00-04:00", Clock(), "2024-03-11"),
        ("2024-03-10 02:30", Clock(zone="America/New_York"), None),  # clocks went forward
        ("2024-02-30", Clock(), None),
        ("24:00", Clock(), None),
        ("-9223372036854775808", Clock(epoch="s"), None),
        ("99999999999999", Clock(epoch="s"), None),  # of the year 3170843
    ],
)
def test_a_time_of_every_form_is_read(text, clock, expected):
    (found,) = read_times(pl.Series([text]), clock)

    utc = datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None
    assert found == utc


def test_dates_are_told_by_the_whole_column_and_a_repeated_hour_by_its_order():
    days = read_times(pl.Series(["03/04/2024", "05/04/2024", "03/13/2024"]))
    fold = ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 01:30", "2024-11-03 02:30"]
    whose = pl.Series(["A", "A", "A", "A", "B", "B", "B", "B"])
    new_york = Clock(zone="America/New_York")

    hours = read_times(pl.Series(fold + fold), new_york, whose).dt.hour().to_list()
    backwards = read_times(pl.Series(fold[::-1]), new_york).dt.hour().to_list()

    assert days.dt.month().to_list() == [3, 5, 3]
    assert hours == [4, 5, 6, 7, 4, 5, 6, 7]
    assert backwards == [7, 6, 5, 4]


def test_a_time_that_the_zone_skipped_is_named(tmp_path):
    rows = "".join(f"AAPL,2024-03-10 0{hour}:30,9,9,9,9,1\n" for hour in (1, 2, 3))

    error = refusal(tmp_path, HEAD + rows, zone="America/New_York")

    assert error.why.startswith(
        "ts '2024-03-10 02:30' does not exist in America/New_York: clocks went forward then"
    )
    assert error.next_command.startswith("ploutos data import")
    assert "--zone America/New_York --drop-bad" in error.next_command


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (["2024-03-01", "2024-03-08", "2024-03-15"], "it has bars of 1w"),
        (["2024-03-01 14:30", "2024-03-01 17:45", "2024-03-04 14:30"], "it has bars of 195m"),
        (["2024-01-31", "2024-02-29"], "it has bars of 29d"),
        (["2024-03-01"], "no symbol has two bars"),
    ],
)
def test_only_intervals_that_can_be_used_are_accepted(tmp_path, times, why):
    rows = "".join(f"AAPL,{time},9,9,9,9,1\n" for time in times)

    assert refusal(tmp_path, HEAD + rows).why.startswith(why)


def test_the_interval_of_single_bars_is_said_or_known_or_asked_for(tmp_path):
    rows = HEAD + "".join(f"{name},2024-05-31,9,9,9,9,1\n" for name in ("AAPL", "MSFT"))
    path = tmp_path / "bars.csv"

    error = refusal(tmp_path, rows)
    known = read_file(path, known=lambda symbols: {"1d", "1h"} if "AAPL" in symbols else set())

    assert error.next_command == f"ploutos data import {path} --interval 1d"
    assert read(tmp_path, rows, interval="1d").interval == known.interval == "1d"
    assert "the file has bars of 1d" in refusal(tmp_path, daily_rows(9), interval="1h").why


def daily_rows(count: int, stamp: str = "") -> str:
    days = [day for day in range(1, 32) if datetime(2024, 5, day, tzinfo=UTC).weekday() < 5]
    rows = (f"AAPL,2024-05-{day:02}{stamp},9,9,9,9,{day}\n" for day in days[:count])
    return HEAD + "".join(rows)


@pytest.mark.parametrize(
    ("live", "kept"),
    [
        ("AAPL,2024-05-10 16:00:01-04:00,9,9,9,9,7\n", 8),  # beside the whole day: set aside
        ("AAPL,2024-05-13 11:23:45-04:00,9,9,9,9,7\n", 8),  # in a session
        ("AAPL,2024-05-13 16:00:01-04:00,9,9,9,9,7\n", 9),  # after it: the day's bar
        ("AAPL,2024-05-13 00:00:00-04:00,9,9,9,9,\n", 8),
        ("AAPL,2024-05-13 00:00:00-04:00,9,9,9,9,-\n", 8),
    ],
)
def test_the_live_last_row_of_daily_bars_is_set_aside_and_the_whole_days_stay(tmp_path, live, kept):
    content = daily_rows(8, " 00:00:00-04:00") + live

    found = read(tmp_path, content, drop_bad=True)

    assert (found.bars.frame.height, found.bad.height) == (kept, 9 - kept)
    assert (found.bars.frame["ts"].dt.time() == datetime.min.time()).all()
    assert found.bars.frame["volume"][7] == 10.0
    if kept == 8:
        assert "--drop-bad sets them aside" in refusal(tmp_path, content).next_command


@pytest.mark.parametrize("early_and_late", [False, True])
@pytest.mark.parametrize("minutes", [60, 30])
def test_a_clock_is_judged_with_early_and_late_hours_and_half_hours(early_and_late, minutes):
    days = pl.date_range(date(2024, 2, 1), date(2024, 4, 30), eager=True)
    first, last = (4 * 60, 20 * 60) if early_and_late else (9 * 60 + 30, 16 * 60)
    steps = list(range(first, last, minutes))
    clock = pl.DataFrame({"day": days}).filter(pl.col("day").dt.weekday() < 6)
    rows = clock.join(pl.DataFrame({"minute": steps}), how="cross").with_columns(
        ts=pl.col("day").cast(pl.Datetime("us")) + pl.duration(minutes="minute"),
        volume=pl.when(pl.col("minute").is_between(9 * 60, 16 * 60 - 1))
        .then(9000.0)
        .otherwise(400.0),
    )
    new_york = rows.select("volume", pl.col("ts").dt.replace_time_zone("UTC"), symbol=pl.lit("A"))
    right = pl.col("ts").dt.replace_time_zone(None).dt.replace_time_zone("America/New_York")
    utc = new_york.with_columns(right.dt.convert_time_zone("UTC"))
    interval = "1h" if minutes == 60 else "30m"

    found = other_zone(new_york, interval)

    assert found is not None
    assert found.zone == "America/New_York"
    assert other_zone(utc, interval) is None


def test_real_hourly_bars_pass_in_utc_and_never_on_a_clock_hours_away():
    path = DATA / "hourly.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    bars = check_bars(pl.read_parquet(path), origin=path.name).frame
    half = pl.col("ts").dt.year() * 2 + pl.col("ts").dt.month() // 7
    chosen = bars.filter(pl.col("symbol").is_in(["MSFT", "XLF", "VOO"]))
    for part in chosen.with_columns(half=half).partition_by("symbol", "half"):
        assert other_zone(part, "1h") is None
        for zone in ("America/New_York", "America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo"):
            local = pl.col("ts").dt.convert_time_zone(zone).dt.replace_time_zone(None)
            found = other_zone(part.with_columns(local.dt.replace_time_zone("UTC")), "1h")
            assert found is not None


@pytest.mark.parametrize("name", ["01_new_york_naive_full_hour", "01_new_york_naive_half_hour"])
def test_naive_files_of_new_york_name_the_zone(name):
    path = SHARED / "cases" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")

    with pytest.raises(DataError, match="--zone America/New_York"):
        read_bars(path)
    assert read_file(path, Reading(zone="America/New_York")).interval == "1h"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    newest_first=st.booleans(),
    form=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%SZ", "%d %b %Y %H:%M", "%s"]),
    interval=st.sampled_from(["1h", "1d"]),
    sessions=st.integers(2, 8),
)
def test_whatever_a_file_looks_like_its_bars_are_the_same(tmp_path, sessions, interval, **look):
    market = SimulatedMarket(symbols=2, sessions=sessions, interval=interval, seed=1)
    bars = market.bars()
    rows = bars.reverse() if look["newest_first"] else bars
    text = rows.with_columns(pl.col("ts").dt.strftime(look["form"])).write_csv(
        separator=look["separator"], line_terminator=look["line_end"]
    )
    path = tmp_path / "bars.txt"
    path.write_bytes(text.encode(look["encoding"]))

    found = read_file(path)

    assert found.interval == interval
    assert found.bars.frame.equals(bars)
