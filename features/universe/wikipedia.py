"""The public list of S&P 500 companies: its page, and its two tables as companies and changes."""

import re
import time
from dataclasses import dataclass
from datetime import date

from cluster.errors import DataError
from features.bars.symbols import canonical
from features.universe.html_tables import HtmlTable, read_tables
from features.universe.universe import TICKER

BASE_URL = "https://en.wikipedia.org"
PATH = "/wiki/List_of_S%26P_500_companies"
TIMEOUT_S = 20.0  # for the whole page
MAX_BYTES = 20 * 1024 * 1024  # the page has about 1 MB
_CHUNK = 64 * 1024
_USER_AGENT = "ploutos/0.1 (research; one request a build)"  # the site asks for one that says who
_ADVICE = "ploutos universe build --page FILE reads a saved copy"
FEWEST_COMPANIES = 400  # a list that is shorter was cut, or is another list
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)


@dataclass(frozen=True)
class Company:
    """A row of the list: a present member."""

    symbol: str
    name: str
    sector: str
    sub_industry: str
    added: date | None


@dataclass(frozen=True)
class Change:
    """A row of the changes: who came and who went on a day; empty where nobody did."""

    day: date
    added: str
    removed: str


@dataclass(frozen=True)
class ListPage:
    """Both tables.

    Attributes:
        companies: Present members, in the page's order.
        changes: Newest first.
        doubts: Rows that could not be read, in words.
    """

    companies: tuple[Company, ...]
    changes: tuple[Change, ...]
    doubts: tuple[str, ...]


def fetch_list_page(base_url: str = BASE_URL, timeout_s: float = TIMEOUT_S) -> str:
    """The page as text, in one request without redirects to other hosts.

    Raises:
        DataError: no answer in time, a status other than 200, no HTML, or a page that was cut.
    """
    import httpx2

    url = base_url.rstrip("/") + PATH
    deadline = time.monotonic() + timeout_s
    try:
        with httpx2.stream(
            "GET", url, timeout=timeout_s, headers={"User-Agent": _USER_AGENT}
        ) as answer:
            kind = answer.headers.get("content-type", "")
            if answer.status_code != 200 or not kind.startswith("text/html"):
                raise _refusal(url, f"it answered {answer.status_code} {kind}")
            body = bytearray()
            for chunk in answer.iter_bytes(_CHUNK):
                body += chunk
                if time.monotonic() > deadline:
                    raise _refusal(url, f"no whole page within {timeout_s:g} s")
                if len(body) > MAX_BYTES:
                    raise _refusal(url, f"the page is larger than {MAX_BYTES:,} bytes")
        return body.decode("utf-8")
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeDecodeError) as error:
        raise _refusal(url, f"{type(error).__name__}: {error}") from error


def read_list_page(page: str, *, fewest: int = FEWEST_COMPANIES) -> ListPage:
    """Read the tables `constituents` and `changes` of the page.

    Columns are found by their headings, so that either layout of the page (server HTML, REST) and
    further columns do. Class shares are written `BRK-B`, as in the bars.

    Raises:
        DataError: a table or column is missing, the page is cut, or the list is too short.
    """
    tables = read_tables(page, ("constituents", "changes"))
    companies, odd = _companies(tables["constituents"])
    if len(companies) < fewest:
        raise DataError(
            f"the list has {len(companies)} companies",
            f"fewer than {fewest} are not the S&P 500",
            "open the page in a browser, or ploutos universe import",
        )
    changes, undated = _changes(tables["changes"])
    return ListPage(companies, changes, (*odd, *undated))


def _refusal(url: str, why: str) -> DataError:
    return DataError(f"cannot fetch {url}", why, _ADVICE)


def _companies(table: HtmlTable) -> tuple[tuple[Company, ...], list[str]]:
    symbol = _column(table, "symbol")
    name = _column(table, "security")
    sector = _column(table, "sector")
    sub_industry = _column(table, "sub")
    added = _column(table, "added")
    rows, odd = [], []
    for row in table.rows:
        if len(row) <= max(symbol, name, sector, sub_industry, added) or not _is_ticker(
            row[symbol]
        ):
            odd.append(f"a row of the list is no company: {' | '.join(row)[:80]}")
            continue
        day = _iso(row[added])
        rows.append(Company(_symbol(row[symbol]), row[name], row[sector], row[sub_industry], day))
    return tuple(rows), odd


def _changes(table: HtmlTable) -> tuple[tuple[Change, ...], list[str]]:
    day, added, removed = (_column(table, word) for word in ("date", "added", "removed"))
    rows, odd = [], []
    for row in table.rows:
        when = _long_date(row[day]) if len(row) > max(day, added, removed) else None
        if when is None:
            odd.append(f"a change has no date: {' | '.join(row)[:80]}")
            continue
        names = [_symbol(row[c]) if _is_ticker(row[c]) else "" for c in (added, removed)]
        rows.append(Change(when, *names))
    return tuple(sorted(rows, key=lambda change: change.day, reverse=True)), odd


def _column(table: HtmlTable, word: str) -> int:
    """The first column whose heading holds the word."""
    for index, heading in enumerate(table.head):
        if word in heading:
            return index
    raise DataError(
        f"the page has no column {word!r}",
        f"its columns are {', '.join(table.head) or 'none'}",
        "ploutos universe import reads the universe from files instead",
    )


def _is_ticker(text: str) -> bool:
    return re.match(TICKER, text) is not None


def _symbol(ticker: str) -> str:
    return canonical(ticker.upper())


def _iso(text: str) -> date | None:
    found = re.search(r"(\d{4})-(\d{2})-(\d{2})", text)
    return _day(*map(int, found.groups())) if found else None


def _long_date(text: str) -> date | None:
    """`May 7, 2026`, whatever the locale of this machine."""
    found = re.match(r"([A-Za-z]+)\.?\s+(\d{1,2}),?\s+(\d{4})", text)
    if not found or found[1].lower() not in _MONTHS:
        return _iso(text)
    return _day(int(found[3]), _MONTHS.index(found[1].lower()) + 1, int(found[2]))


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
