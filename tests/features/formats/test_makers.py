"""The files of makers in their true shape, short: each is read, and its maker named."""

import gzip
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError, UsageError
from features.formats import makers
from features.formats.read import FileBars, read_file
from features.formats.reading import Reading
from places import ROOT

PAGE = ROOT / "docs" / "how-to" / "format.md"

YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2024-03-04,100.0,101.0,99.0,100.5,98.2,1000
2024-03-05,100.5,102.0,100.0,101.5,99.2,2000
"""
YFINANCE = """Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2024-03-08 00:00:00-05:00,100.0,101.0,99.0,100.5,1000,0.0,0.0
2024-03-11 00:00:00-04:00,100.5,102.0,100.0,101.5,2000,0.0,0.0
"""
YFINANCE_ONE = """Price,Close,High,Low,Open,Volume
Ticker,AAPL,AAPL,AAPL,AAPL,AAPL
Date,,,,,
2024-03-04,100.5,101.0,99.0,100.0,1000
2024-03-05,101.5,102.0,100.0,100.5,2000
"""
YFINANCE_TWO = """Ticker,AAPL,AAPL,AAPL,AAPL,AAPL,MSFT,MSFT,MSFT,MSFT,MSFT
Price,Open,High,Low,Close,Volume,Open,High,Low,Close,Volume
Date,,,,,,,,,,
2024-03-04,100.0,101.0,99.0,100.5,1000,,,,,
2024-03-05,100.5,102.0,100.0,101.5,2000,400.0,410.0,390.0,405.0,50
2024-03-06,101.5,103.0,101.0,102.5,3000,405.0,411.0,391.0,406.0,60
"""
STOOQ = """<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
AAPL.US,D,20240304,000000,100,101,99,100.5,1000,0
MSFT.US,D,20240304,000000,100.5,102,100,101.5,2000,0
"""
STOOQ_PLAIN = """Date,Open,High,Low,Close,Volume
2024-03-04,100,101,99,100.5,1000
2024-03-05,100.5,102,100,101.5,2000
"""
NASDAQ = """Date,Close/Last,Volume,Open,High,Low
03/05/2024,$101.50,2000,$100.50,$102.00,$100.00
03/04/2024,$100.50,1000,$100.00,$101.00,$99.00
"""
POLYGON_DAYS = """ticker,volume,open,close,high,low,window_start,transactions
AAPL,1000,100,100.5,101,99,1709528400000000000,9
MSFT,2000,100.5,101.5,102,100,1709528400000000000,9
"""
POLYGON_MINUTES = """ticker,volume,open,close,high,low,window_start,transactions
AAPL,1000,100,100.5,101,99,1709562600000000000,9
AAPL,2000,100.5,101.5,102,100,1709562660000000000,9
"""
TRADINGVIEW = """time,open,high,low,close,Volume,MA
1709562600,100,101,99,100.5,1000,NaN
1709566200,100.5,102,100,101.5,2000,100.9
"""
TRADINGVIEW_ISO = """time,open,high,low,close,Volume
2024-03-04T09:30:00-05:00,100,101,99,100.5,1000
2024-03-04T10:30:00-05:00,100.5,102,100,101.5,2000
"""
INVESTING = """"Date","Price","Open","High","Low","Vol.","Change %"
"03/05/2024","1,101.50","1,100.50","1,102.00","1,100.00","2.00K","0.99%"
"03/04/2024","1,100.50","1,100.00","1,101.00","1,099.00","1.00K","-0.50%"
"""
FINRL = """,date,open,high,low,close,volume,tic,day
0,2024-03-04,100.0,101.0,99.0,100.5,1000,AAPL,0
1,2024-03-05,100.5,102.0,100.0,101.5,2000,AAPL,1
"""
KAGGLE = """date,open,high,low,close,volume,Name
2024-03-04,100.0,101.0,99.0,100.5,1000,AAPL
2024-03-05,100.5,102.0,100.0,101.5,2000,AAPL
"""
ALPACA = """t,o,h,l,c,v,n,vw
2024-03-04T14:30:00Z,100,101,99,100.5,1000,9,100.2
2024-03-04T15:30:00Z,100.5,102,100,101.5,2000,9,101.2
"""
ALPACA_FRAME = """symbol,timestamp,open,high,low,close,volume,trade_count,vwap
AAPL,2024-03-04 05:00:00+00:00,100,101,99,100.5,1000,9,100.2
AAPL,2024-03-05 05:00:00+00:00,100.5,102,100,101.5,2000,9,101.2
"""
FILES = {  # file name: its text, maker, interval, first time, symbols
    "AAPL.csv": (YAHOO, "Yahoo", "1d", "2024-03-04", "AAPL"),
    "BRK-B.csv": (YFINANCE, "yfinance", "1d", "2024-03-08", "BRK-B"),
    "one.csv": (YFINANCE_ONE, "yfinance", "1d", "2024-03-04", "AAPL"),
    "two.csv": (YFINANCE_TWO, "yfinance", "1d", "2024-03-04", "AAPL MSFT"),
    "20240304_d.txt": (STOOQ, "Stooq", "1d", "2024-03-04", "AAPL MSFT"),
    "aapl_us_d.csv": (STOOQ_PLAIN, "plain columns", "1d", "2024-03-04", "AAPL"),
    "NVDA.csv": (NASDAQ, "Nasdaq", "1d", "2024-03-04", "NVDA"),
    "2024-03-04.csv": (POLYGON_DAYS, "Polygon", "1d", "2024-03-04", "AAPL MSFT"),
    "minutes.csv": (POLYGON_MINUTES, "Polygon", "1m", "2024-03-04 14:30", "AAPL"),
    "NASDAQ_AAPL, 60.csv": (TRADINGVIEW, "TradingView", "1h", "2024-03-04 14:30", "AAPL"),
    "BATS_SPY, 60_1a2b3.csv": (TRADINGVIEW_ISO, "TradingView", "1h", "2024-03-04 14:30", "SPY"),
    "AAPL Historical Data.csv": (INVESTING, "Investing.com", "1d", "2024-03-04", "AAPL"),
    "train_data.csv": (FINRL, "FinRL", "1d", "2024-03-04", "AAPL"),
    "all_stocks_5yr.csv": (KAGGLE, "Kaggle S&P 500", "1d", "2024-03-04", "AAPL"),
    "SPY.csv": (ALPACA, "Alpaca", "1h", "2024-03-04 14:30", "SPY"),
    "alpaca.csv": (ALPACA_FRAME, "Alpaca", "1d", "2024-03-04", "AAPL"),
}


def read(folder: Path, name: str, content: str | bytes, reading: Reading | None = None) -> FileBars:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, reading or Reading())


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_maker_is_read_and_the_maker_is_named(tmp_path, name):
    content, maker, interval, first, symbols = FILES[name]

    found = read(tmp_path, name, content)

    bars = found.bars.frame
    assert (found.maker, found.interval) == (maker, interval)
    assert " ".join(found.bars.symbols) == symbols
    assert bars["ts"][0] == datetime.fromisoformat(first).replace(tzinfo=UTC)
    scale = 1000.0 if maker == "Investing.com" else 0.0
    assert bars.row(0)[2:] == (*(scale + p for p in (100.0, 101.0, 99.0, 100.5)), 1000.0)
    assert bars["volume"][1] == 2000.0


def test_prices_of_one_heading_over_tickers_come_apart_and_empty_cells_are_no_bars(tmp_path):
    bars = read(tmp_path, "two.csv", YFINANCE_TWO).bars.frame
    wide = pl.DataFrame(
        {
            "Date": [datetime(2024, 3, day, tzinfo=UTC) for day in (4, 5)],
            **{f"('{name}', 'AAPL')": [1.0, 2.0] for name in ("Close", "High", "Low", "Open")},
            "('Volume', 'AAPL')": [7, 8],
        }
    )
    wide.write_parquet(tmp_path / "wide.parquet")
    narrow = read_file(tmp_path / "wide.parquet")

    assert bars.group_by("symbol").len().sort("symbol").rows() == [("AAPL", 3), ("MSFT", 2)]
    assert bars.filter(pl.col("symbol") == "MSFT")["close"].to_list() == [405.0, 406.0]
    assert (narrow.maker, narrow.bars.frame["volume"].to_list()) == ("yfinance", [7.0, 8.0])


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zip", ".txt", ".tsv"])
def test_packed_files_and_other_suffixes_are_read(tmp_path, suffix):
    path, content = tmp_path / f"AAPL{suffix}", YAHOO.encode()
    if suffix == ".csv.zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("AAPL.csv", content)
    else:
        packed = gzip.compress(content) if suffix == ".csv.gz" else content
        path.write_bytes(packed)

    assert read_file(path).bars.symbols == ("AAPL",)


@pytest.mark.parametrize("cut", [5, 40])
def test_a_torn_packed_file_is_refused(tmp_path, cut):
    with pytest.raises(DataError, match="not a readable csv file"):
        read(tmp_path, "AAPL.csv.gz", gzip.compress(YAHOO.encode())[:cut])
    with pytest.raises(DataError, match="not a readable csv file"):
        read(tmp_path, "AAPL.zip", b"PK\3\4" + YAHOO.encode()[:cut])


@pytest.mark.parametrize(
    "name", ["HistoricalData_1709.csv", "data.csv", "Apple.csv", "bars.csv", "my bars.csv", "7.csv"]
)
def test_a_file_whose_name_is_no_ticker_asks_for_the_symbol(tmp_path, name):
    with pytest.raises(DataError) as refused:
        read(tmp_path, name, YAHOO)

    assert refused.value.next_command.startswith("ploutos data import ")
    assert refused.value.next_command.endswith(" --symbol TICKER")
    assert read(tmp_path, name, YAHOO, Reading(symbol="AAPL")).bars.symbols == ("AAPL",)


def test_a_symbol_beside_a_column_of_symbols_is_refused(tmp_path):
    with pytest.raises(UsageError, match="has a column of symbols; its first one is AAPL"):
        read(tmp_path, "x.csv", KAGGLE, Reading(symbol="AAPL"))


GERMAN = """Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke
2024-03-04;100,0;101,0;99,0;100,5;1000
2024-03-05;100,5;102,0;100,0;101,5;2000
"""
HEADLESS = "2024-03-04,100,101,99,100.5,1000\n2024-03-05,100.5,102,100,101.5,2000\n"


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (GERMAN, "ts=Datum,open=Erster,high=Hoch,low=Tief,close=Schlusskurs,volume=Stuecke"),
        (HEADLESS, "ts=1,open=2,high=3,low=4,close=5,volume=6"),
        (YAHOO.replace("Close,Adj Close", "Last,Adj Last"), "close=Last"),
    ],
)
def test_headings_that_nobody_knows_are_guessed_and_the_advised_command_reads_them(
    tmp_path, content, columns
):
    with pytest.raises(DataError) as refused:
        read(tmp_path, "AAPL.csv", content)

    path = tmp_path / "AAPL.csv"
    assert refused.value.next_command == f"ploutos data import {path} --columns {columns}"
    found = read_file(path, Reading(columns=Reading.columns_of(columns)))
    assert found.bars.frame["close"].to_list() == [100.5, 101.5]
    assert found.bars.frame["volume"].to_list() == [1000.0, 2000.0]


def test_a_file_that_lacks_a_column_is_told_which_maker_it_looks_like(tmp_path):
    with pytest.raises(DataError) as refused:
        read(tmp_path, "AAPL.csv", NASDAQ.replace(",Low", ",Lowest"))

    assert "missing columns: low" in refused.value.why
    assert refused.value.why.endswith("it looks like a file of Nasdaq")


def test_a_heading_that_is_not_there_and_a_column_that_no_bar_has_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"has no column 'Last': its headings are Date, Open"):
        read(tmp_path, "AAPL.csv", YAHOO, Reading(columns={"close": "Last"}))
    with pytest.raises(UsageError, match="'price' is no column of a bar"):
        Reading(columns={"price": "Close"})
    for wrong in ({"epoch": "h"}, {"interval": "4h"}, {"zone": "Nowhere"}, {"dates": "ymd"}):
        with pytest.raises(UsageError, match=f"--{next(iter(wrong))}"):
            Reading(**wrong)


def test_the_maker_of_the_page_is_one_line(tmp_path, monkeypatch):
    (line,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (sample,) = re.findall(r"```csv\n(.*?)```", PAGE.read_text(), re.DOTALL)
    added = eval(line, {"Maker": makers.Maker})

    with pytest.raises(DataError, match="missing columns: close"):
        read(tmp_path, "AAPL.csv", sample)
    monkeypatch.setattr(makers, "MAKERS", (*makers.MAKERS, added))
    found = read(tmp_path, "AAPL.csv", sample)

    assert (found.maker, found.interval, found.bars.frame.height) == ("Tally", "1d", 2)
    assert "`features/formats/makers.py`" in PAGE.read_text()
