"""`ploutos universe`: who was in the S&P 500 on a day, and the best of each sector."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, frame_table, table, talk
from apps.commands.data.days import day_of

if TYPE_CHECKING:
    from features.slots.scan_lake import LakeScans
    from features.universe.universe import Universe

app = typer.Typer(
    help="S&P 500 members of any day, and the best of each sector.", no_args_is_help=True
)

Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Default: today.")]
STALE_DAYS = 30
_NAMED = 20  # members without bars that are named in one line


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
    from features.universe.build import build_universe

    made = build_universe(_folder(), page=page, base_url=base_url, timeout_s=timeout)
    if not made.fresh:
        talk(f"{made.trouble}\nusing the last good copy, {_age(made.universe)}")
    emit({**_summary(made.universe), "fresh": made.fresh, "trouble": made.trouble}, as_json)


@app.command("import")
def import_universe(
    *,
    membership: Annotated[
        Path | None, typer.Option(help="Spells: symbol, start_date, end_date.")
    ] = None,
    constituents: Annotated[
        Path | None, typer.Option(help="Companies: symbol, gics_sector.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read the universe from two files, Parquet or CSV: who was in when, and the sectors.

    Example: ploutos universe import --membership membership.parquet --constituents companies.csv
    """
    from cluster.errors import UsageError
    from features.universe.files import universe_from_files
    from features.universe.store import save_universe

    if membership is None:
        why = "a list of companies says who is in today, and to choose from it is hindsight"
        raise UsageError(
            "the universe needs --membership FILE, with the spells of its members",
            why,
            "ploutos universe build walks the public list and its changes back to the spells",
        )
    if constituents is None:
        why = "the sectors of the members are in no other file"
        raise UsageError(
            "the universe needs --constituents FILE", why, "ploutos universe import --help"
        )
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


PerSector = Annotated[int, typer.Option(min=1, help="How many of each sector.")]
Lookback = Annotated[int, typer.Option(min=20, help="Sessions of returns.")]
RiskFree = Annotated[float, typer.Option(help="Risk-free rate a year.")]
Dollars = Annotated[float, typer.Option(min=0.0, help="Least median dollar volume a session.")]
Source = Annotated[str | None, typer.Option(help="Source of the bars; default: the longest.")]


@app.command("scan")
def scan(
    *,
    as_of: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="The last day it knows.")],
    per_sector: PerSector = 2,
    lookback: Lookback = 252,
    risk_free_rate: RiskFree = 0.04,
    min_dollar_volume: Dollars = 5e6,
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Pick the best of each sector by trailing Sharpe ratio among the members of a day.

    Example: ploutos universe scan --as-of 2019-06-28 --per-sector 2 --json
    """
    from features.slots.scan import ScanRules

    rules = ScanRules(
        per_sector=per_sector,
        lookback=lookback,
        risk_free_rate=risk_free_rate,
        min_dollar_volume=min_dollar_volume,
    )
    found = _scans(source).scan(_day(as_of), rules)

    def render(console: Console) -> None:
        console.print(frame_table(found.picks))
        console.print(
            f"{found.members} members on {as_of}, {found.with_bars} with bars, "
            f"{found.eligible} eligible"
        )
        if found.without_bars:
            named, more = found.without_bars[:_NAMED], len(found.without_bars) - _NAMED
            rest = f" and {more:,} more (--json)" if more > 0 else ""
            console.print(f"without bars: {', '.join(named)}{rest}")

    document = {
        "as_of": found.as_of,
        "rules": rules.to_dict(),
        "picks": found.picks.to_dicts(),
        "members": found.members,
        "with_bars": found.with_bars,
        "without_bars": found.without_bars,
        "eligible": found.eligible,
    }
    emit(document, as_json, render)


@app.command("bias")
def bias(
    *,
    start: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day held.")],
    end: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day held.")],
    per_sector: PerSector = 2,
    lookback: Lookback = 252,
    risk_free_rate: RiskFree = 0.04,
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Compare the scan over the members of the day with the scan over today's list.

    Example: ploutos universe bias --from 2014-04-01 --to 2023-12-29
    """
    from features.slots.scan import ScanRules
    from features.slots.scan_bias import bias_report

    rules = ScanRules(per_sector=per_sector, lookback=lookback, risk_free_rate=risk_free_rate)
    scans = _scans(source)
    horizons = [
        vars(horizon)
        for horizon in bias_report(
            scans.bars().collect(), scans.universe, _day(start), _day(end), rules
        )
    ]

    def render(console: Console) -> None:
        for found in horizons:
            console.print(
                f"held {found['months']} month(s), {found['scans']} scans: members of the day "
                f"{found['sharpe_then']:.2f}, today's list {found['sharpe_today']:.2f}: "
                f"bias {found['bias']:+.2f} Sharpe points (t {found['t']:.1f})"
            )
        console.print(f"{horizons[0]['coverage']:.0%} of the members of the day have bars")

    emit(
        {"from": start, "to": end, "rules": rules.to_dict(), "horizons": horizons}, as_json, render
    )


def _scans(source: str | None) -> "LakeScans":
    from cluster.settings import home
    from features import Lake
    from features.slots.scan_lake import LakeScans

    return LakeScans(Lake(home().lake), _load(), home().tables / "scan", source)


def _folder() -> Path:
    from cluster.settings import home

    return home().universe


def _load() -> "Universe":
    """The stored universe; says so when it is old."""
    from features.universe.store import age_of, load_universe

    universe = load_universe(_folder())
    if age_of(universe).days >= STALE_DAYS:
        talk(f"the universe is {_age(universe)}; next: ploutos universe build")
    return universe


def _age(universe: "Universe") -> str:
    from features.universe.store import age_of

    age = age_of(universe)
    return f"{age.days} days old" if age.days else f"{age.seconds / 3600:.1f} hours old"


def _summary(universe: "Universe") -> dict[str, Any]:
    from features.universe.store import age_of

    return {
        "origin": universe.origin,
        "retrieved": universe.retrieved,
        "age_days": round(age_of(universe).total_seconds() / 86400, 2),
        "companies": universe.spells["symbol"].n_unique(),
        "spells": universe.spells.height,
        "members_now": len(universe.members(datetime.now(UTC).date())),
        "last_change": universe.last_change,
        "doubts": universe.doubts,
    }


def _day(text: str | None) -> date:
    return datetime.now(UTC).date() if text is None else day_of(text)
