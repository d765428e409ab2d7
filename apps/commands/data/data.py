"""`ploutos data`: bars in and out of the lake."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, frame_table
from apps.commands.data import fetch as data_fetch
from apps.commands.data import market as data_market
from apps.commands.data import quality as data_quality

if TYPE_CHECKING:
    import polars as pl

    from features import CheckedBars

app = typer.Typer(help="Fetch, import, check, query and simulate bars.", no_args_is_help=True)
app.command("fetch")(data_fetch.fetch)
app.command("check")(data_quality.check)
app.command("repair")(data_quality.repair)
app.command("market")(data_market.market)

BarFile = Annotated[Path, typer.Argument(metavar="FILE", help="Parquet or CSV file of bars.")]


@app.command("import")
def import_bars(
    file: BarFile,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Set bad bars aside.")] = False,
    source: Annotated[str, typer.Option(help="Where the bars come from.")] = "file",
    as_json: Json = False,
) -> None:
    """Check a file of bars and write it to the lake.

    Example: ploutos data import bars.csv --drop-bad
    """
    from cluster.settings import home
    from features import Lake

    bars, dropped = _good_bars(file, source) if drop_bad else (_read(file), 0)
    Lake(home().lake).write(bars, interval=bars.interval, source=source)
    emit(
        {**_span(bars.frame), "interval": bars.interval, "source": source, "dropped": dropped},
        as_json,
    )


def _read(file: Path) -> "CheckedBars":
    from features.bars.files import read_bars

    return read_bars(file)


def _good_bars(file: Path, source: str) -> "tuple[CheckedBars, int]":
    """The bars that pass every check, and how many did not; those go into the quarantine."""
    from cluster.errors import DataError
    from features.bars.files import split_file

    good, bad = split_file(file)
    if good.frame.is_empty():
        raise DataError(
            f"{file} has no good bar", f"all {bad.height} are bad", _check_command(file)
        )
    data_quality.keep_rejected(bad, source)
    return good, bad.height


def _check_command(file: Path) -> str:
    return f"ploutos data check {file}"


def _span(bars: "pl.DataFrame") -> dict[str, Any]:
    return {
        "bars": bars.height,
        "symbols": bars["symbol"].n_unique(),
        "first": bars["ts"].min(),
        "last": bars["ts"].max(),
    }


@app.command("status")
def status(as_json: Json = False) -> None:
    """Show what the lake holds.

    Example: ploutos data status
    """
    from cluster.settings import home
    from features import Lake

    lake = Lake(home().lake).status()

    def render(console: Console) -> None:
        if lake.height:
            console.print(frame_table(lake))
        else:
            console.print("the lake is empty; next: ploutos data fetch SYMBOL or import FILE")

    emit({"lake": lake.to_dicts()}, as_json, render)


@app.command("sql")
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="DuckDB SQL over the view `bars`.")],
    limit: Annotated[int, typer.Option(min=1, help="Rows printed for a reader.")] = 50,
    as_json: Json = False,
) -> None:
    """Query the lake.

    Example: ploutos data sql "select symbol, count(*) n from bars group by 1 order by 1"
    """
    from cluster.settings import home
    from features import Lake

    rows = Lake(home().lake).sql(query)

    def render(console: Console) -> None:
        console.print(frame_table(rows.head(limit)))
        if rows.height > limit:
            console.print(f"{rows.height - limit:,} rows more (--limit, or --json for all)")

    emit({"rows": rows.to_dicts()}, as_json, render)


@app.command("simulate")
def simulate(
    *,
    symbols: Annotated[int, typer.Option(min=1, help="How many symbols.")] = 22,
    sessions: Annotated[int, typer.Option(min=1, help="How many XNYS sessions.")] = 504,
    interval: Annotated[str, typer.Option(help="1h or 1d.")] = "1h",
    edge: Annotated[
        float, typer.Option(help="Planted edge: annualised Sharpe before costs.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Same seed, same bars.")] = 0,
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
        _write(bars, out)
    where = str(out) if out is not None else f"{home().lake} (source {market.source})"
    emit({"label": market.label, **_span(bars), "interval": interval, "written": where}, as_json)


@app.command("shuffle")
def shuffle(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV with bars.")],
    *,
    out: Annotated[Path, typer.Option(help="Parquet or CSV.")],
    seed: Annotated[int, typer.Option(help="Same seed, same order.")] = 0,
    as_json: Json = False,
) -> None:
    """Deal the moves of bars out anew, so that nothing foretells anything: a control.

    What is found BETTER on shuffled bars was found by a mistake.

    Example: ploutos data shuffle bars.parquet --out shuffled.parquet
    """
    from features import read_bars
    from features.simulated.shuffled import shuffled_bars

    bars = shuffled_bars(read_bars(file).frame, seed)
    _write(bars, out)
    emit({**_span(bars), "seed": seed, "written": str(out)}, as_json)


def _write(bars: "pl.DataFrame", out: Path) -> None:
    from io import BytesIO

    from cluster.errors import UsageError
    from cluster.files import write_atomic

    suffix, buffer = out.suffix.lower(), BytesIO()
    if suffix == ".parquet":
        bars.write_parquet(buffer)
    elif suffix == ".csv":
        bars.write_csv(buffer)
    else:
        why = "a bar file ends in .parquet or .csv"
        raise UsageError(f"cannot write {out}", why, f"--out {out.with_suffix('.parquet')}")
    write_atomic(out, buffer.getvalue())
