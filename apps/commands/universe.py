"""`ploutos universe`: who was in the S&P 500 on a day, and the best of each sector."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.output import Json, emit, table, talk

if TYPE_CHECKING:
    from features.universe import Universe

app = typer.Typer(
    help="S&P 500 members of any day, and the best of each sector.", no_args_is_help=True
)

Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Default: today.")]
STALE_DAYS = 30


@app.command("build")
def build(
    *,
    page: Annotated[Path | None, typer.Option(help="A saved copy of the page.")] = None,
    base_url: Annotated[
        str, typer.Option(help="Of the encyclopaedia.")
    ] = "https://en.wikipedia.org",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for the whole page.")] = 20.0,
    as_json: Json = False,
) -> None:
    """Read the public list of members and its changes; offline, keep the last good copy.

    Example: ploutos universe build
    """
    from features.universe_build import build_universe

    made = build_universe(_folder(), page=page, base_url=base_url, timeout_s=timeout)
    if not made.fresh:
        talk(f"{made.trouble}\nusing the last good copy, {_age(made.universe)}")
    emit({**_summary(made.universe), "fresh": made.fresh, "trouble": made.trouble}, as_json)


@app.command("import")
def import_universe(
    *,
    membership: Annotated[Path, typer.Option(help="Spells: symbol, start_date, end_date.")],
    constituents: Annotated[Path, typer.Option(help="Companies: symbol, gics_sector.")],
    as_json: Json = False,
) -> None:
    """Read the universe from two files, Parquet or CSV.

    Example: ploutos universe import --membership membership.parquet --constituents companies.csv
    """
    from features.universe_files import universe_from_files
    from features.universe_store import save_universe

    universe = universe_from_files(membership, constituents)
    save_universe(universe, _folder())
    emit(_summary(universe), as_json)


@app.command("list")
def list_members(*, on: Day = None, as_json: Json = False) -> None:
    """List the members of a day with their sectors.

    Example: ploutos universe list --on 2020-03-23
    """
    universe, day = _load(), _day(on)
    tickers = universe.tickers(day)
    rows = [
        {"symbol": symbol, "ticker": tickers[symbol], "sector": universe.sector(symbol, day)}
        for symbol in universe.members(day)
    ]

    def render(console: Console) -> None:
        console.print(table(("symbol", "ticker then", "sector"), [tuple(r.values()) for r in rows]))
        console.print(f"{len(rows)} members on {day}; the copy is {_age(universe)}")

    emit({"on": day, **_summary(universe), "members": rows}, as_json, render)


@app.command("diff")
def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="YYYY-MM-DD.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="YYYY-MM-DD.")],
    as_json: Json = False,
) -> None:
    """Show who joined, left or was renamed between two days.

    Example: ploutos universe diff 2019-12-31 2020-12-31
    """
    universe = _load()
    found = universe.diff(_day(first), _day(second))
    renamed = [{"symbol": s, "before": b, "after": a} for s, b, a in found.renamed]

    def render(console: Console) -> None:
        console.print(f"joined   {', '.join(found.joined) or '-'}")
        console.print(f"left     {', '.join(found.left) or '-'}")
        names = ", ".join(f"{r['before']} -> {r['after']}" for r in renamed)
        console.print(f"renamed  {names or '-'}")

    document = {"first": first, "second": second, "joined": found.joined, "left": found.left}
    emit({**document, "renamed": renamed}, as_json, render)


def _folder() -> Path:
    from cluster.settings import home

    return home().root / "universe"


def _load() -> "Universe":
    """The stored universe; says so when it is old."""
    from features.universe_store import age_of, load_universe

    universe = load_universe(_folder())
    if age_of(universe).days >= STALE_DAYS:
        talk(f"the universe is {_age(universe)}; next: ploutos universe build")
    return universe


def _age(universe: "Universe") -> str:
    from features.universe_store import age_of

    age = age_of(universe)
    return f"{age.days} days old" if age.days else f"{age.seconds / 3600:.1f} hours old"


def _summary(universe: "Universe") -> dict[str, Any]:
    from features.universe_store import age_of

    return {
        "origin": universe.origin,
        "retrieved": universe.retrieved,
        "age_days": age_of(universe).total_seconds() / 86400,
        "companies": universe.spells["symbol"].n_unique(),
        "spells": universe.spells.height,
        "members_now": len(universe.members(datetime.now(UTC).date())),
        "last_change": universe.last_change,
        "doubts": universe.doubts,
    }


def _day(text: str | None) -> date:
    from cluster.errors import UsageError

    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        why = "a day is YYYY-MM-DD"
        raise UsageError(f"{text!r} is not a day", why, "ploutos universe --help") from error
