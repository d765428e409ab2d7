"""`ploutos data fetch`: bars from vendors into the lake."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from apps.cli.output import Json, cell, emit, table, talk
from apps.cli.watching import watching

if TYPE_CHECKING:
    from features.sources.fetch_result import FetchResult

CACHE = Path("cache") / "yfinance"
_SHOWN = 8  # symbols that are named in one line


def fetch(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="Tickers.")],
    *,
    start: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="First day, UTC.")],
    end: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day; default: up to now.")
    ] = None,
    interval: Annotated[str, typer.Option(help="1m, 5m, 15m, 30m, 1h or 1d.")] = "1h",
    source: Annotated[
        str | None,
        typer.Option(help="Ask this vendor only; default: all of them, in order."),
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Ask for all of it, and take what corrects the lake's bars."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch the bars that the lake lacks; the same command again goes on where it ended.

    Exit code 1 when something is missing, 3 when a key is.

    Example: ploutos data fetch AAPL MSFT --interval 1h --start 2024-01-02
    """
    from cluster.settings import home, load_settings
    from features import Lake
    from features.sources.configured import configured_sources
    from features.sources.fetch import Fetcher, FetchRequest

    sources = configured_sources(load_settings(), home().root / CACHE, source)
    fetcher = Fetcher(Lake(home().lake), sources.usable, sources.skipped)
    first = datetime.combine(_day(start), time(), tzinfo=UTC)
    last = datetime.combine(_day(end), time(), tzinfo=UTC) + timedelta(days=1) if end else None
    request = FetchRequest(tuple(symbols), interval, first, last, again)
    with watching("fetching") as report:
        result = fetcher.fetch(request, lambda at: report(at.done, at.total, at.source))
    emit(result.to_dict(), as_json, lambda console: render(console, result))
    if not result.complete:
        talk("next: mend what the reasons name; the same command fetches only what is missing")
        raise typer.Exit(1)


def render(console: Console, result: "FetchResult") -> None:
    """Print series, what joined them, and what is missing and why."""
    rows = [
        (row["series"], row["symbols"], row["bars"], row["first"], row["last"])
        for row in result.by_series()
    ]
    if rows:
        console.print(table(("series", "symbols", "new bars", "first", "last"), rows))
    for note, members in result.notes().items():
        console.print(f"{_named(members)}: {note}", markup=False)
    for reasons, members in result.missing().items():
        console.print(f"missing: {_named(members)}", markup=False)
        for name, why in reasons:
            console.print(f"  {name}: {why}", markup=False)


def _named(symbols: list[str]) -> str:
    more = len(symbols) - _SHOWN
    return ", ".join(symbols[:_SHOWN]) + (f" and {cell(more)} more" if more > 0 else "")


def _day(text: str) -> date:
    from cluster.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no day", "write it as 2024-01-31") from error
