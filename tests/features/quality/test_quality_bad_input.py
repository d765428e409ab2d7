"""Every bad cell, bar and file: a clear error, or a bar set aside with its reason."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError
from features import CheckedBars, SimulatedMarket, check_bars, read_bars
from features.bars.file_consistency import mixed_intervals, wrong_zone
from features.bars.open_bars import end_of_bar
from features.bars.schema import BAR_COLUMNS, BAR_SCHEMA
from features.formats.files import MAX_ROW_GROUP
from features.formats.read import read_file
from features.formats.reading import Reading
from features.quality import check_quality

NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
COLUMNS = ("open", "high", "low", "close", "volume", "ts", "symbol")
VALUES = {"NaN": "NaN", "inf": "inf", "0": "0", "negative": "-7", "string": "? x", "null": ""}
ROW = 5


def good_and_bad(path: Path, now: datetime) -> tuple[CheckedBars, pl.DataFrame]:
    """What `--drop-bad` keeps and sets aside."""
    found = read_file(path, drop_bad=True, now=now)
    return found.bars, found.bad


def write_cells(path: Path, column: str, value: str) -> Path:
    """A CSV of twelve good daily bars of two symbols, with one cell replaced."""
    days = [f"2024-05-{day:02}" for day in (1, 2, 3, 6, 7, 8)]
    rows = [
        {"symbol": symbol, "ts": day, "open": "10", "high": "11", "low": "9", "close": "10.5"}
        | {"volume": "5000"}
        for symbol in ("AAA", "BBB")
        for day in days
    ]
    rows[ROW][column] = value
    pl.DataFrame(rows).select(BAR_COLUMNS).write_csv(path)
    return path


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("column", COLUMNS)
def test_every_bad_cell_is_refused_by_name_and_only_its_bar_is_set_aside(tmp_path, column, kind):
    path = write_cells(tmp_path / "bars.csv", column, VALUES[kind])
    if (column, kind) == ("volume", "0"):  # no trade: true of some bars
        assert read_bars(path, now=NOW).frame.height == 12
        return

    with pytest.raises(DataError) as refused:
        read_bars(path, now=NOW)
    good, bad = good_and_bad(path, now=NOW)

    assert refused.value.what.endswith(f"(row {ROW})")
    assert refused.value.why.endswith("1 of 12 bars are bad")
    assert "data import" in refused.value.next_command
    assert (good.frame.height, bad["row"].to_list()) == (11, [ROW])
    assert {"ts": "time"}.get(column, column) in bad["reason"][0]
    assert refused.value.why.startswith(bad["reason"][0])


@pytest.mark.parametrize(
    "symbol",
    f"../../x|; drop|/etc/x|a/../b|A..B|..|.A|A/|nan|None|7|A\nB|A B|'A'|%2e|ＡＡ|{'x' * 33}".split(
        "|"
    ),
)
def test_a_symbol_that_is_no_ticker_is_set_aside(tmp_path, symbol):
    path = tmp_path / "bars.parquet"
    bars = daily(symbols=2)
    renamed = pl.col("symbol").replace({"SIMC01": symbol})
    bars.with_columns(renamed).write_parquet(path)

    good, bad = good_and_bad(path, now=NOW)

    assert good.frame["symbol"].unique().to_list() == ["SIMB01"]
    assert bad["symbol"].unique().to_list() == [symbol]
    assert bad["reason"].str.starts_with("symbol is not a ticker").all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.parquet"]


@pytest.mark.parametrize("symbol", ["BRK-B", "BTC/USD", "ES=F", "^GSPC", "7203.T", "NA"])
def test_real_tickers_pass(symbol):
    bars = daily(symbols=1).with_columns(symbol=pl.lit(symbol))

    assert check_bars(bars, origin="here").symbols == (symbol,)


def test_symbols_that_differ_by_case_are_told_apart_and_the_capitals_stay(tmp_path):
    path = tmp_path / "bars.parquet"
    bars = daily(symbols=1)
    names = ("simb01", "SimB01")
    pl.concat([bars, *(bars.with_columns(symbol=pl.lit(n)) for n in names)]).write_parquet(path)

    good, bad = good_and_bad(path, now=NOW)

    assert good.frame.equals(bars)
    assert set(bad["reason"]) == {"symbol differs from SIMB01 only by case"}
    assert bad.height == 2 * bars.height


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(symbols: int = 3, sessions: int = 60) -> pl.DataFrame:
    return SimulatedMarket(symbols=symbols, sessions=sessions, interval="1d").bars()


def hourly(symbols: int = 2, sessions: int = 20) -> pl.DataFrame:
    return SimulatedMarket(symbols=symbols, sessions=sessions, interval="1h").bars()


def test_a_file_of_two_intervals_is_refused_and_the_rarer_one_is_set_aside(tmp_path):
    path = tmp_path / "bars.parquet"
    odd = daily(1, 30).with_columns(symbol=pl.lit("ODD"))
    pl.concat([hourly(), odd]).write_parquet(path)

    with pytest.raises(DataError) as refused:
        read_bars(path, now=NOW)
    good, bad = good_and_bad(path, now=NOW)

    assert refused.value.what == f"{path} mixes intervals"
    assert refused.value.why == "ODD has bars of 1d, most have 1h"
    assert good.frame.equals(hourly())
    assert set(bad["reason"]) == {"is a bar of 1d among bars of 1h"}
    assert check_quality(pl.concat([hourly(), odd]), origin="x").faults == (refused.value.why,)


def test_symbols_with_gaps_are_not_taken_for_another_interval():
    bars = hourly()
    holed = bars.filter(~pl.int_range(pl.len()).over("symbol").is_between(20, 90))

    assert mixed_intervals(holed).height == 0


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Tokyo"])
def test_hourly_times_of_another_zone_are_refused_with_the_command_that_reads_them(tmp_path, zone):
    path = tmp_path / "bars.parquet"
    local = pl.col("ts").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    hourly().with_columns(local).write_parquet(path)

    with pytest.raises(DataError) as refused:
        read_bars(path, now=NOW)

    assert refused.value.what == f"{path} has times of another zone"
    assert refused.value.why.endswith(f"and 100% were the times those of {zone}")
    assert refused.value.next_command.startswith(f"ploutos data import {path} --zone {zone} (or")
    assert read_file(path, Reading(zone=zone), now=NOW).bars.frame.equals(hourly())


@pytest.mark.parametrize(("days", "absent"), [(-1, "Friday"), (1, "Monday")])
def test_daily_dates_of_another_zone_are_refused(days, absent):
    bars = daily().with_columns(pl.col("ts") + timedelta(days=days))

    assert f"none is a {absent}" in wrong_zone(bars, "1d")
    assert wrong_zone(daily(), "1d") == ""


def test_a_bar_of_the_future_is_refused_and_set_aside(tmp_path):
    path = tmp_path / "bars.parquet"
    bars = daily(1)
    now = bars["ts"][-3] + timedelta(hours=23)
    bars.write_parquet(path)

    good, bad = good_and_bad(path, now=now)

    assert good.frame.equals(bars[:-2])
    assert bad["reason"].str.starts_with("opens in the future").all()
    with pytest.raises(DataError, match="opens in the future"):
        read_bars(path, now=now)


@pytest.mark.parametrize(
    ("interval", "opened", "over"),
    [
        ("1d", "2024-05-01", "2024-05-01T20"),
        ("1d", "2023-11-24", "2023-11-24T18"),  # a half day
        ("1h", "2024-05-01T13:30", "2024-05-01T14:30"),
        ("1h", "2024-05-01T19:30", "2024-05-01T20"),  # to the close
        ("5m", "2024-05-04T12", "2024-05-04T12:05"),  # a Saturday
        ("1w", "2024-04-29", "2024-05-06"),
    ],
)
def test_a_bar_is_over_after_its_interval_or_at_the_close(interval, opened, over):
    assert end_of_bar(utc(opened), interval) == utc(over)


@pytest.mark.parametrize(("minutes", "bad"), [(-1, 1), (0, 0)])
def test_the_last_bar_counts_when_it_is_over(minutes, bad):
    bars = daily(1)
    close = end_of_bar(bars["ts"][-1], "1d")

    report = check_quality(bars, origin="x", now=close + timedelta(minutes=minutes))

    assert report.broken.height == bad
    assert all("is not finished" in reason for reason in report.broken["reason"])


def test_a_half_written_file_is_refused(tmp_path):
    path = tmp_path / "bars.parquet"
    daily().write_parquet(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(DataError, match="not a readable parquet file"):
        read_bars(path, now=NOW)


def varint(value: int) -> bytes:
    """A Thrift compact i64: zigzag, seven bits a byte."""
    value, out = value << 1, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_a_row_group_that_claims_two_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "bars.parquet"
    rows, claimed = 100_003, 2**31 // (8 * len(BAR_COLUMNS))
    zero = pl.DataFrame({name: pl.Series([1.0]) for name in BAR_COLUMNS[2:]})
    many = zero.select(pl.all().repeat_by(rows).explode())
    many = many.with_columns(symbol=pl.lit("A"), ts=pl.lit(NOW)).select(BAR_COLUMNS)
    many.write_parquet(path, row_group_size=rows, statistics=False)
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[-8:-4])
    footer = content[-8 - length : -8].replace(varint(rows), varint(claimed))
    path.write_bytes(content[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1")

    with pytest.raises(DataError) as refused:
        read_bars(path, now=NOW)

    assert refused.value.what == f"{path} is too large"
    assert "row group needs 2.0 GiB in memory, the limit is 1.0 GiB" in refused.value.why
    assert MAX_ROW_GROUP == 2**30


def test_bars_in_another_unit_are_bad_and_the_bars_around_them_are_not():
    bars = daily(3)
    wrong = (pl.col("symbol") == "SIMC01") & (pl.int_range(pl.len()) == 60 + 40)
    scaled = [pl.when(wrong).then(pl.col(c) * 10).otherwise(pl.col(c)).alias(c) for c in PRICES]

    report = check_quality(bars.with_columns(scaled), origin="x")

    serious = report.alarms.filter(pl.col("level") != "NOTE")
    assert serious.select("symbol", "ts", "check", "level", "wrong").rows() == [
        ("SIMC01", bars["ts"][100], "unit", "BAD", True)
    ]


PRICES = ("open", "high", "low", "close")


def test_an_empty_frame_and_a_frame_of_other_columns_are_refused():
    for frame in (pl.DataFrame(schema=BAR_SCHEMA), pl.DataFrame({"x": [1]})):
        with pytest.raises(DataError):
            check_quality(frame, origin="x")
