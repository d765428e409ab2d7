import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError
from features import check_bars, interval_of, read_bars, read_raw, split_bad
from features.bars.schema import BAR_SCHEMA
from places import DATA

CSV = """date,ticker,open,high,low,close,volume
2024-01-02,SPY,472.16,473.67,470.49,472.65,123623700
2024-01-03,SPY,470.43,471.19,468.17,468.79,103585900
"""


@pytest.fixture
def bars() -> pl.DataFrame:
    start = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
    rows = [("AAA", start + timedelta(hours=i), 10.0, 11.0, 9.0, 10.5, 1e3) for i in range(50)]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_bars(path)
    return caught.value


def test_a_parquet_file_comes_back_as_it_was_written(tmp_path, bars):
    bars.write_parquet(tmp_path / "bars.parquet")

    assert read_bars(tmp_path / "bars.parquet").frame.equals(bars)


def test_a_csv_file_comes_back_as_it_was_written(tmp_path, bars):
    bars.write_csv(tmp_path / "bars.CSV")

    assert read_bars(str(tmp_path / "bars.CSV")).frame.equals(bars)


def test_a_daily_csv_with_other_names_is_read(tmp_path):
    (tmp_path / "spy.csv").write_text(CSV)

    bars = read_bars(tmp_path / "spy.csv").frame

    assert bars["ts"].to_list() == [datetime(2024, 1, d, tzinfo=UTC) for d in (2, 3)]
    assert bars["close"].to_list() == [472.65, 468.79]
    assert interval_of(bars) == "1d"


def test_csv_values_may_be_padded_with_spaces(tmp_path):
    (tmp_path / "spy.csv").write_text(CSV.replace(",", " , "))

    assert read_bars(tmp_path / "spy.csv").frame["volume"].to_list() == [123623700.0, 103585900.0]


def test_late_rows_of_a_csv_are_judged_by_the_schema_and_not_by_the_first_rows(tmp_path):
    days = [date(2000, 1, 1) + timedelta(days=i) for i in range(2000)]
    lines = [f"{day},A,1,1,1,1,1" for day in days]
    lines[1999] = lines[1999].replace(",1,1,1,1,1", ",1,1,1,oops,1")
    (tmp_path / "a.csv").write_text("\n".join(["ts,symbol,open,high,low,close,volume", *lines]))

    error = refusal(tmp_path / "a.csv")

    assert error.what == f"{tmp_path / 'a.csv'}: A at 2005-06-22 00:00 UTC (row 1999)"
    assert error.why == "close 'oops' is not a number; 1 of 2,000 bars are bad"


def test_a_bad_bar_points_to_the_commands_that_list_and_drop_it(tmp_path, bars):
    path = tmp_path / "my bars.parquet"
    bars.with_columns(low=pl.lit(20.0)).write_parquet(path)

    error = refusal(path)

    assert error.what == f"{path}: AAA at 2024-01-02 14:30 UTC (row 0)"
    assert error.why == "high is below low (high 11.0, low 20.0); 50 of 50 bars are bad"
    assert error.next_command == (
        f"ploutos data check '{path}' lists every bad bar; "
        f"ploutos data import '{path}' --drop-bad sets them aside"
    )


def test_an_empty_csv_file_is_named(tmp_path):
    (tmp_path / "empty.csv").touch()

    error = refusal(tmp_path / "empty.csv")

    assert (error.what, error.why) == (f"{tmp_path / 'empty.csv'} has no bars", "the file is empty")


def test_a_csv_file_of_only_a_header_has_no_bars(tmp_path):
    (tmp_path / "header.csv").write_text(CSV.splitlines()[0] + "\n")

    assert refusal(tmp_path / "header.csv").what == f"{tmp_path / 'header.csv'} has no bars"


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_file_is_refused(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)

    error = refusal(tmp_path / "x.parquet")

    assert error.what == f"{tmp_path / 'x.parquet'} is not a readable parquet file"
    assert error.why
    assert "ls -l" in error.next_command


def test_binary_content_is_refused_as_csv(tmp_path):
    (tmp_path / "x.csv").write_bytes(bytes(range(256)) * 4)

    assert "x.csv" in refusal(tmp_path / "x.csv").what


def test_a_csv_row_with_too_many_values_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text(CSV + "2024-01-04,SPY,1,1,1,1,1,1,1\n")

    assert refusal(tmp_path / "x.csv").what.endswith("x.csv is not a readable csv file")


def test_a_missing_file_a_folder_and_another_suffix_are_refused(tmp_path):
    (tmp_path / "bars.xlsx").write_bytes(b"PK")
    (tmp_path / "folder.parquet").mkdir()

    assert refusal(tmp_path / "none.parquet").why == "there is no such file"
    assert refusal(tmp_path / "folder.parquet").why == "it is a folder"
    assert "'.xlsx'" in refusal(tmp_path / "bars.xlsx").why


def test_a_cut_or_bit_flipped_parquet_file_is_refused_or_read_and_never_crashes(tmp_path, bars):
    bars.write_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    chance = random.Random(1)
    damaged = [whole[: chance.randrange(len(whole))] for _ in range(40)]
    for _ in range(120):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(flipped))

    refused = 0
    for content in damaged:
        (tmp_path / "damaged.parquet").write_bytes(content)
        try:
            read_bars(tmp_path / "damaged.parquet")
        except DataError:
            refused += 1

    assert refused >= 60


def test_raw_rows_keep_their_order_and_defects_for_the_quarantine(tmp_path):
    (tmp_path / "spy.csv").write_text(CSV + "2024-01-02,SPY,0,1,1,1,x\n")

    good, bad = split_bad(read_raw(tmp_path / "spy.csv"))

    assert good.frame["close"].to_list() == [468.79]
    assert bad["row"].to_list() == [0, 2]
    assert bad["reason"][1] == "volume 'x' is not a number"


@pytest.mark.parametrize(
    ("name", "interval", "rows", "symbols"),
    [
        ("hourly", "1h", 291_563, 20),
        ("daily", "1d", 1_377_042, 588),
        ("sector_etfs_daily", "1d", 13_838, 11),
    ],
)
def test_the_real_bars_pass_every_check(name, interval, rows, symbols):
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")

    bars = read_bars(path).frame

    assert (bars.height, bars["symbol"].n_unique()) == (rows, symbols)
    assert interval_of(bars) == interval
    assert check_bars(bars, origin="again").frame.equals(bars)
