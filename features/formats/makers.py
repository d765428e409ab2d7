"""Who makes files of bars, and what their headings are called there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from features.bars.schema import ALIASES, BAR_COLUMNS

PLAIN = "plain columns"  # of a file whose headings say by themselves what they are


@dataclass(frozen=True)
class Maker:
    """A maker of files; its file has all these headings, and none that says the same.

    Args:
        name: As people call it.
        columns: Column of a bar by heading, in small letters; "" for one that only tells the maker.
        optional: Those of headings that not all of its files have.
        dates: Order of its dates, where days and months are digits.
        daily: Whether times that are all midnights are days: it has no weekly or monthly bars.
        single: Whether its files are of one symbol, and have no column for it.
        suffix: What its symbols end with beside the ticker.
    """

    name: str
    columns: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    dates: str = ""
    daily: bool = False
    single: bool = False
    suffix: str = ""


_LETTERS = {"t": "ts", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
_PRICES = {name: name for name in ("open", "high", "low", "close")}
MAKERS = (
    Maker("Yahoo", {"adj close": ""}),
    Maker("yfinance", {"dividends": "", "stock splits": ""}),
    Maker("Stooq", {"per": "interval", "openint": ""}, suffix=".US"),
    Maker("Nasdaq", {"close/last": "close"}, dates="mdy", daily=True, single=True),
    Maker("Polygon", {"window_start": "ts", "transactions": ""}, daily=True),
    Maker("TradingView", {"time": "ts", **_PRICES}, single=True),
    Maker("Investing.com", {"price": "close", "vol.": "volume", "change %": ""}, dates="mdy"),
    Maker("FinRL", {"tic": "symbol"}),
    Maker("Kaggle S&P 500", {"name": "symbol"}),
    Maker("Alpaca", _LETTERS, {"s": "symbol"}),
    Maker("Alpaca", {"trade_count": "", "vwap": ""}),
)
YFINANCE = MAKERS[1]


def spelt(heading: str) -> str:
    """A heading as the tables of makers spell it."""
    return " ".join(heading.strip("<> \t").lower().split())


def plain_columns(headings: Iterable[str]) -> dict[str, str]:
    """Column of a bar by heading, for the headings that anybody understands."""
    named = {heading: ALIASES.get(spelt(heading), spelt(heading)) for heading in headings}
    return {heading: column for heading, column in named.items() if column in BAR_COLUMNS}


def maker_of(headings: Iterable[str]) -> Maker | None:
    """The maker whose headings these are, None when they are nobody's."""
    plain = {spelt(heading): column for heading, column in plain_columns(headings).items()}
    there = {spelt(heading) for heading in headings}
    fitting = [maker for maker in MAKERS if there >= set(maker.columns) and _alone(maker, plain)]
    return max(fitting, key=lambda maker: len(maker.columns), default=None)


def nearest_maker(headings: Iterable[str]) -> Maker | None:
    """The maker that has most of these headings for its own, None when none has any."""
    there = {spelt(heading) for heading in headings}
    shares = [len(there & set(maker.columns)) / len(maker.columns) for maker in MAKERS]
    best, share = max(zip(MAKERS, shares, strict=True), key=lambda pair: pair[1])
    return best if share else None


def _alone(maker: Maker, plain: Mapping[str, str]) -> bool:
    """Whether no other heading of the file means what one of the maker's does."""
    others = {column for heading, column in plain.items() if heading not in maker.columns}
    return not others & {*maker.columns.values(), *(["symbol"] if maker.single else [])}
