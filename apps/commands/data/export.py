"""`ploutos data export`: bars of the lake as a file that `ploutos data import` reads back."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.output import Json, emit
from apps.commands.data.bar_output import span, write_bars
from apps.commands.data.days import day_of
from apps.commands.data.home_lake import home_lake, only_series, refuse_absent


def export(
    symbols: Annotated[
        list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Which; default: all.")
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Parquet or CSV.")],
    interval: Annotated[str | None, typer.Option(help="Such as 1h; default: the only one.")] = None,
    source: Annotated[str | None, typer.Option(help="Which series; default: the only one.")] = None,
    start: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="First day, UTC.")] = None,
    end: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day, UTC.")] = None,
    as_json: Json = False,
) -> None:
    """Write bars of one series of the lake to a file, which `ploutos data import` reads back.

    Example: ploutos data export AAPL MSFT --interval 1d --out bars.parquet
    """
    from cluster.errors import DataError
    from features import BAR_COLUMNS

    lake = home_lake()
    interval, series = only_series(lake, interval, source)
    first, last = (day_of(day) if day else None for day in (start, end))
    stored = lake.scan(interval, source=series, symbols=symbols or None, start=first, end=last)
    bars = stored.select(BAR_COLUMNS).collect()
    name = f"{interval} {series}"
    refuse_absent(symbols or [], bars["symbol"].unique(), name)
    if bars.is_empty():
        window = f"{start or 'the first'} to {end or 'the last'}"
        raise DataError(f"no {name} bars in that window", window, "ploutos data status")
    write_bars(bars, out)
    emit({"written": out, **span(bars), "interval": interval, "source": series}, as_json)
