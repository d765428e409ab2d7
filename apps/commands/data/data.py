"""`ploutos data`: bars in and out of the lake."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.output import MAX_SEED, Json, emit
from apps.commands.data import contents as data_contents
from apps.commands.data import export as data_export
from apps.commands.data import fetch as data_fetch
from apps.commands.data import imports as data_imports
from apps.commands.data import market as data_market
from apps.commands.data import quality as data_quality
from apps.commands.data import removal as data_removal
from apps.commands.data.bar_output import span, write_bars

app = typer.Typer(help="Fetch, import, check, query and simulate bars.", no_args_is_help=True)
app.command("fetch")(data_fetch.fetch)
app.command("import")(data_imports.import_bars)
app.command("check")(data_quality.check)
app.command("repair")(data_quality.repair)
app.command("market")(data_market.market)
app.command("status")(data_contents.status)
app.command("sql")(data_contents.sql)
app.command("export")(data_export.export)
app.command("remove")(data_removal.remove)


@app.command("simulate")
def simulate(
    *,
    symbols: Annotated[int, typer.Option(min=1, help="How many symbols.")] = 22,
    sessions: Annotated[int, typer.Option(min=1, help="How many XNYS sessions.")] = 504,
    interval: Annotated[str, typer.Option(help="1h or 1d.")] = "1h",
    edge: Annotated[
        float, typer.Option(help="Planted edge: annualised Sharpe before costs.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Same seed, same bars.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Parquet or CSV; default: the lake.")] = None,
    as_json: Json = False,
) -> None:
    """Make bars of the simulated market, labelled SIMULATED.

    Example: ploutos data simulate --symbols 22 --sessions 504 --out bars.parquet
    """
    from cluster.errors import UsageError
    from cluster.settings import home
    from features import Lake, SimulatedMarket

    if interval not in ("1h", "1d"):
        raise UsageError(f"interval {interval!r}", "it is 1h or 1d", "ploutos data simulate --help")
    market = SimulatedMarket(
        symbols=symbols, sessions=sessions, interval=interval, edge=edge, seed=seed
    )
    bars = market.bars()
    if out is None:
        Lake(home().lake).write(bars, interval=interval, source=market.source)
    else:
        write_bars(bars, out)
    where = str(out) if out is not None else f"{home().lake} (source {market.source})"
    emit({"label": market.label, **span(bars), "interval": interval, "written": where}, as_json)


@app.command("shuffle")
def shuffle(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV with bars.")],
    *,
    out: Annotated[Path, typer.Option(help="Parquet or CSV.")],
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Same seed, same order.")] = 0,
    as_json: Json = False,
) -> None:
    """Deal the moves of bars out anew, so that nothing foretells anything: a control.

    What is found BETTER on shuffled bars was found by a mistake.

    Example: ploutos data shuffle bars.parquet --out shuffled.parquet
    """
    from features import read_bars
    from features.simulated.shuffled import shuffled_bars

    bars = shuffled_bars(read_bars(file).frame, seed)
    write_bars(bars, out)
    emit({**span(bars), "seed": seed, "written": str(out)}, as_json)
