"""The ticker in the name of a file of one symbol."""

import re
from pathlib import Path

_TICKER = re.compile(r"\^?([A-Z]{1,5}|[a-z]{1,5})([.-]([A-Z]{1,2}|[a-z]{1,2}))?")
_WORDS = frozenset(  # that files are called by, and that are no tickers
    {"all", "bars", "bulk", "close", "daily", "data", "day", "down", "eod", "file", "files", "hist"}
    | {"hour", "index", "input", "list", "min", "month", "ohlc", "ohlcv", "old", "out", "price"}
    | {"quote", "sheet", "stock", "stooq", "table", "test", "tmp", "vol", "week", "yahoo", "year"}
)
_FORMS = (  # what stands around it: Stooq, Investing.com, TradingView, numbered files
    re.compile(r"(?P<ticker>[^._ ]+?)[._]us(_[dwm15306]+)?"),
    re.compile(r"(?P<ticker>[^ ]+) (Historical Data|Stock Price History)( \(\d+\))?"),
    re.compile(r"[A-Z]+_(?P<ticker>[^ ,]+), [0-9A-Za-z]+(_[0-9a-f]+)?"),
    re.compile(r"\d+[_ -]+(?P<ticker>.+)"),
)


def ticker_of(path: Path) -> str:
    """The ticker that a file is named by, in capitals; "" when its name is none.

    `AAPL.csv`, `aapl.us.txt`, `AAPL Historical Data.csv`, `NASDAQ_AAPL, 1D.csv`.
    """
    name = re.sub(r"(\.(csv|txt|tsv|parquet|gz|zip))+$", "", path.name, flags=re.IGNORECASE)
    for form in _FORMS:
        if match := form.fullmatch(name):
            name = match["ticker"]
            break
    if name.lower() in _WORDS or not _TICKER.fullmatch(name):
        return ""
    return name.upper()
