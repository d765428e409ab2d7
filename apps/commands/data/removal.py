"""`ploutos data remove`: symbols or a series out of the lake, into the quarantine."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from apps.cli.output import Json, emit, talk
from apps.commands.data.home_lake import home_lake, home_quarantine, refuse_absent
from apps.commands.data.quality import agreed, talk_table


def remove(
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Of every series.")
    ] = None,
    *,
    series: Annotated[str | None, typer.Option(help="Only this series; alone: all of it.")] = None,
    interval: Annotated[str | None, typer.Option(help="Only this one, such as 1h.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Take symbols, or a whole series, out of the lake; prints the plan and asks first.

    The bars are kept in PLOUTOS_HOME/lake-quarantine: ploutos data repair --restore puts them back.

    Example: ploutos data remove NVDA --series file --interval 1d
    """
    from cluster.errors import UsageError
    from features.bars.symbols import canonical_symbols
    from features.quality.removal import plan_removal, remove_bars

    if not symbols and series is None:
        why = "that would be the whole lake"
        raise UsageError("nothing is named", why, "ploutos data remove --series NAME")
    lake, quarantine = home_lake(), home_quarantine()
    chosen = canonical_symbols(symbols) if symbols else None
    plan = plan_removal(lake, chosen, series=series, interval=interval)
    refuse_absent(chosen or (), plan["symbol"], " ".join(filter(None, (interval, series))))
    shown = plan.select("interval", "source", "symbol", "bars", "first", "last")
    talk_table(shown, f"{plan['bars'].sum():,} bars to take out")
    removed = 0
    if plan.height and agreed(yes):
        removed = remove_bars(lake, quarantine, plan, now=datetime.now(UTC))
    if removed:
        talk("next: ploutos data repair --restore puts them back")
    emit({"removed": removed, "plan": plan.to_dicts(), "quarantine": quarantine.root}, as_json)
