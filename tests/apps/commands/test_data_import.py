"""`ploutos data import` as a user calls it: files of makers, options, folders, the cases."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from places import SHARED

CASES = SHARED / "cases"
DAYS = "".join(f"2024-03-{day:02},10,11,9,10.5,1000\n" for day in (4, 5, 6, 7, 8))
PLAIN = "Date,Open,High,Low,Close,Volume\n" + DAYS


def test_a_file_of_one_symbol_is_filed_by_its_name_and_the_maker_is_named(ploutos, tmp_path):
    file = tmp_path / "brk-b.us.txt"
    file.write_text(
        PLAIN.replace("Volume", "Volume,Dividends,Stock Splits").replace("00\n", "00,0,0\n")
    )

    outcome = ploutos("data", "import", file, "--json")

    document = outcome.document
    assert (document["maker"], document["interval"]) == ("yfinance", "1d")
    assert (document["bars"], document["new"], document["symbols"]) == (5, 5, 1)
    rows = ploutos("data", "sql", "select distinct symbol, interval from bars", "--json")
    assert rows.document["rows"] == [{"symbol": "BRK-B", "interval": "1d"}]


def test_every_option_says_what_the_file_does_not(ploutos, tmp_path):
    file = tmp_path / "export.csv"
    file.write_text("when,Open,High,Low,Last,Volume\n05/03/2024 09:30,9,9,9,9,1\n")

    options = ("--columns", "ts=when,close=Last", "--symbol", "AAPL", "--interval", "1h")
    outcome = ploutos(
        *("data", "import", file, *options, "--dates", "dmy", "--zone", "America/New_York"),
        *("--source", "mine", "--json"),
    )

    assert outcome.document["first"] == "2024-03-05T14:30:00+00:00"
    assert (outcome.document["interval"], outcome.document["source"]) == ("1h", "mine")


@pytest.mark.parametrize(
    "options",
    [
        ("--columns", "ts"),
        ("--columns", "price=Close"),
        ("--epoch", "h"),
        ("--interval", "4h"),
        ("--zone", "Mars"),
        ("--dates", "ymd"),
        ("--source", "../x"),
        ("--symbol", "AAPL"),
    ],
)
def test_an_option_that_cannot_be_is_a_matter_of_usage(ploutos, tmp_path, options):
    file = tmp_path / "bars.csv"
    file.write_text("symbol," + PLAIN.replace("2024", "AAPL,2024"))

    outcome = ploutos("data", "import", file, *options)

    assert outcome.code == 2
    assert "next: " in outcome.stderr


def test_a_folder_is_imported_and_again_and_a_bad_file_is_named(ploutos, tmp_path):
    folder = tmp_path / "files"
    (folder / "more").mkdir(parents=True)
    for name in ("AAPL.csv", "MSFT.csv", "more/IBM.csv"):
        (folder / name).write_text(PLAIN)
    (folder / "HistoricalData_1.csv").write_text(PLAIN)
    (folder / "readme.md").write_text("no bars")

    first = ploutos("data", "import", folder)
    second = ploutos("data", "import", folder, "--json")
    (folder / "HistoricalData_1.csv").unlink()
    third = ploutos("data", "import", folder)

    assert first.code == 1
    assert "failed: cannot tell whose bars" in first.stdout
    assert f"{folder / 'HistoricalData_1.csv'} --symbol TICKER" in first.stdout
    document = second.document
    assert [document[key] for key in ("files", "imported", "unchanged", "new")] == [4, 0, 3, 0]
    assert document["makers"] == {"plain columns": 3}
    assert [Path(failed["file"]).name for failed in document["failed"]] == ["HistoricalData_1.csv"]
    assert third.code == 0


def test_an_empty_folder_and_a_symbol_for_a_folder_are_refused(ploutos, tmp_path):
    assert "no file below it ends in .parquet" in ploutos("data", "import", tmp_path).stderr
    assert ploutos("data", "import", tmp_path, "--symbol", "AAPL").code == 2


@pytest.mark.parametrize("source", ["file", "mine"])
def test_single_bars_take_the_interval_that_the_lake_has_of_their_symbols(
    ploutos, tmp_path, source
):
    file = tmp_path / "AAPL.csv"
    file.write_text(PLAIN)
    assert ploutos("data", "import", file, "--source", source).code == 0
    file.write_text("symbol," + PLAIN.splitlines()[0] + "\nAAPL,2024-03-11,10,11,9,10.5,1000\n")

    outcome = ploutos("data", "import", file, "--json")

    assert outcome.document["interval"] == "1d"


def test_bad_rows_are_set_aside_once_with_their_reason(ploutos, tmp_path, home_root):
    file = tmp_path / "KO.csv"
    file.write_text(PLAIN + "1962-01-02,10,11,9,10.5,1000\n")

    refused = ploutos("data", "import", file)
    kept = ploutos("data", "import", file, "--drop-bad", "--json")

    assert refused.code == 1
    assert (
        "KO at 1962-01-02 00:00 UTC (row 5): 1962-01-02 is outside the exchange" in refused.stderr
    )
    assert "1 of 6 bars are bad" in refused.stderr
    assert (kept.document["bars"], kept.document["dropped"]) == (5, 1)
    (aside,) = (home_root / "lake-quarantine" / "rejected" / "file").glob("*.parquet")
    assert pl.read_parquet(aside)["symbol"].to_list() == ["KO"]
    assert ploutos("data", "check").code == 0


RIGHT = {  # of the cases: options, exit code, what is said, bars in the lake
    "01_new_york_naive_full_hour.csv": ((), 1, "--zone America/New_York", 0),
    "01_new_york_naive_half_hour.csv": (("--zone", "America/New_York"), 0, "", 70),
    "02_ko_since_1962.csv": ((), 1, "2 of 12 bars are bad", 0),
    "03_friday_monday.csv": ((), 0, "", 2),
    "03_one_day_all_symbols.csv": ((), 1, "--interval 1d", 0),
    "04_yahoo_live_last_row.csv": (("--drop-bad",), 0, "", 5),
    "06_bars[1].csv": ((), 0, "", 10),
    "09_AAPL.csv": ((), 0, "", 4),
    "09_nasdaq.csv": (("--symbol", "AAPL"), 0, "", 4),
    "09_polygon_flat.csv": ((), 0, "", 1),
    "09_stooq.csv": ((), 0, "", 4),
    "09_yfinance_multi.csv": ((), 0, "", 4),
    "10_date_and_time_apart.csv": ((), 0, "", 4),
    "10_latin1_name.csv": (("--interval", "1d"), 0, "", 1),
    "10_newest_first.csv": ((), 0, "", 10),
    "10_semicolon.csv": ((), 0, "", 4),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_cases_found_in_use_are_right(ploutos, tmp_path, name):
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there")
    options, code, said, bars = RIGHT[name]
    file = shutil.copy(CASES / name, tmp_path)

    outcome = ploutos("data", "import", file, *options, "--json")

    assert outcome.code == code
    assert said in outcome.stdout
    assert (outcome.document["bars"] if code == 0 else 0) == bars


def test_prices_of_before_and_after_a_split_never_meet_in_one_series(ploutos):
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there")
    assert ploutos("data", "import", CASES / "05_before_split.csv").code == 0

    after = CASES / "05_after_split_overlapping.csv"
    refused = ploutos("data", "import", after, "--interval", "1d")
    apart = ploutos("data", "import", CASES / "05_after_split_overlapping.csv", "--source", "new")
    whole = ploutos(
        *("data", "import", CASES / "05_after_split_overlapping.csv", "--replace", "--json")
    )

    assert refused.code == 1
    assert "NVDA is not on the prices of source file" in refused.stderr
    assert "0.1004 times" in refused.stderr
    assert f"ploutos data import {after} --interval 1d --replace" in refused.stderr
    assert apart.code == 0
    assert whole.document["rebased"] == {"NVDA": pytest.approx(0.1004, abs=1e-4)}
