"""Tables with a heading of prices over a heading of tickers, as yfinance writes several symbols."""

import re

import polars as pl

_PRICES = {"open", "high", "low", "close", "volume"}
_PAIR = re.compile(r"\(\s*'([^']+)'\s*,\s*'([^']*)'\s*\)")  # how pandas names such a column alone
_NUMBER = re.compile(r"[\d$-]")  # no ticker and no heading begins so


def unstacked(cells: pl.DataFrame) -> pl.DataFrame | None:
    """The table with a row a ticker and time and one heading; None when it has no stacked one.

    Args:
        cells: All of the table, headings too, as text.
    """
    head = [[cell or "" for cell in row] for row in cells.head(3).rows()]
    if len(head) < 3 or "" in head[0][1:] or "" in head[1][1:]:
        return None
    names = [{cell.lower() for cell in row[1:]} for row in head[:2]]
    level = next((level for level in (0, 1) if names[level] >= _PRICES), None)
    if level is None or any(_NUMBER.match(cell) for cell in names[1 - level] | names[level]):
        return None
    third = [cell for cell in head[2] if cell]
    has_name = third[:1] in (["Date"], ["Datetime"]) and len(third) == 1
    rows = cells[3 if has_name else 2 :]
    pairs = list(zip(head[level][1:], head[1 - level][1:], strict=True))
    return _long(rows, pairs, "Datetime" if third[:1] == ["Datetime"] else "Date")


def unstacked_columns(table: pl.DataFrame) -> pl.DataFrame:
    """A Parquet table whose columns are pairs of price and ticker; any other is handed back."""
    found = [_PAIR.fullmatch(name) for name in table.columns]
    pairs = [(match[1], match[2]) for match in found if match]
    index = [name for name, match in zip(table.columns, found, strict=True) if not match]
    if len(index) != 1 or not pairs:
        return table
    ordered = [
        pair if pair[0].lower() in _PRICES | {"adj close"} else (pair[1], pair[0]) for pair in pairs
    ]
    named = [name for name in table.columns if name not in index]
    return _long(table.select(*index, *named), ordered, "Date")


def _long(rows: pl.DataFrame, pairs: list[tuple[str, str]], time: str) -> pl.DataFrame:
    """One part below the other, in the order of the tickers; times a ticker lacks are left out."""
    index, *columns = rows.columns
    parts = []
    for ticker in dict.fromkeys(ticker for _, ticker in pairs):
        own = {
            price: column
            for column, (price, of) in zip(columns, pairs, strict=True)
            if of == ticker
        }
        part = rows.select(
            pl.col(index).alias(time),
            pl.lit(ticker).alias("Ticker"),
            *(pl.col(column).alias(price) for price, column in own.items()),
        )
        parts.append(part.filter(~pl.all_horizontal(pl.col(*own).is_null())))
    return pl.concat(parts, how="diagonal")
