"""One spelling of a symbol at every door: of US stocks in capitals, a share class after a hyphen.

Vendors and lists write the same class as BRK.B, BRK/B, BRK B, BRK_B or BRK-B. In bars, lake,
universe and scenarios it is BRK-B; vendors translate to their own spelling at their edge. Pairs,
futures, indices and stocks of other countries (BTC/USD, ES=F, ^GSPC, 7203.T) stay as they are.
"""

import re
from collections.abc import Iterable

import polars as pl

MISSING = ("nan", "NaN", "inf", "-inf", "null", "None", "none", "NULL", "<NA>")  # as text
_STOCK = re.compile(
    r"([A-Z]{1,5})(?:(?:[./_-]|(?<=[A-Z]{2}) )([A-Z]|PR[A-Z]|WS))?",  # class, preferred, warrants
    re.IGNORECASE,
)


def canonical(symbol: str) -> str:
    """The spelling of bars and lake: `brk.b` is `BRK-B`; what is no US stock stays as it is."""
    return _joined(symbol, "-").upper() if _is_stock(symbol) else symbol


def dotted(symbol: str) -> str:
    """The spelling of vendors that put a dot before the class: `BRK-B` is `BRK.B`."""
    return _joined(symbol, ".") if _is_stock(symbol) else symbol


def canonical_symbols(symbols: Iterable[str]) -> tuple[str, ...]:
    """The canonical spelling of each, in the order given, each once."""
    return tuple(dict.fromkeys(map(canonical, symbols)))


def spellings(symbols: Iterable[str]) -> dict[str, str]:
    """The canonical spelling of those of the symbols that are written otherwise.

    Of symbols that differ by case, only the first in ASCII order gets it: they may be two things,
    and `features.bars.bar_rules` refuses the others.
    """
    letters_of: dict[str, str] = {}
    found = {}
    for symbol in sorted(symbols):
        wanted, letters = canonical(symbol), re.sub("[^A-Za-z]", "", symbol)
        if letters_of.setdefault(wanted, letters) != letters:
            wanted = _joined(symbol, "-")
        if wanted != symbol:
            found[symbol] = wanted
    return found


def respelt(rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """The rows with the canonical spelling in their text columns; by default in `symbol`."""
    for column in columns or ("symbol",):
        names = spellings(rows[column].unique().drop_nulls())
        if names:
            rows = rows.with_columns(pl.col(column).cast(pl.String).replace(names))
    return rows


def _is_stock(symbol: str) -> bool:
    return symbol not in MISSING and _STOCK.fullmatch(symbol) is not None


def _joined(symbol: str, sign: str) -> str:
    """Root and class of a stock with this sign between them."""
    found = _STOCK.fullmatch(symbol)
    return sign.join(part for part in found.groups() if part) if found else symbol
