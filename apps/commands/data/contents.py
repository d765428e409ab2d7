"""`ploutos data status` and `ploutos data sql`: what the lake holds."""

from typing import Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, frame_table, row_table
from apps.commands.data.home_lake import home_lake


def status(
    symbols: Annotated[bool, typer.Option("--symbols", help="A row a symbol.")] = False,
    as_json: Json = False,
) -> None:
    """Show what the lake holds: series, spans, what prices are adjusted for, and as of when.

    Example: ploutos data status --symbols
    """
    lake = home_lake()
    series, actions = lake.status(), _known_actions(lake.root)
    document: dict[str, Any] = {"lake": series.to_dicts(), "actions": actions}
    shown = series
    if symbols:
        shown = lake.status(by_symbol=True)
        document["symbols"] = shown.to_dicts()

    def render(console: Console) -> None:
        if shown.height:
            console.print(frame_table(shown))
        else:
            console.print("the lake is empty; next: ploutos data fetch SYMBOL or import FILE")
        if actions:
            console.print(row_table(actions))

    emit(document, as_json, render)


def _known_actions(root: Any) -> list[dict[str, Any]]:
    """How many splits and dividends each source told of."""
    import polars as pl

    from features.lake.actions import DIVIDEND, SPLIT, ActionStore

    kind = pl.col("kind")
    counted = (
        ActionStore(root)
        .actions()
        .group_by("source")
        .agg(
            splits=(kind == SPLIT).sum(),
            dividends=(kind == DIVIDEND).sum(),
            symbols=pl.col("symbol").n_unique(),
            retrieved=pl.col("retrieved").max(),
        )
    )
    return counted.sort("source").to_dicts()


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="DuckDB SQL over the view `bars`.")],
    limit: Annotated[int, typer.Option(min=1, help="Rows printed for a reader.")] = 50,
    as_json: Json = False,
) -> None:
    """Query the lake.

    Example: ploutos data sql "select symbol, count(*) n from bars group by 1 order by 1"
    """
    rows = home_lake().sql(query)

    def render(console: Console) -> None:
        console.print(frame_table(rows.head(limit)))
        if rows.height > limit:
            console.print(f"{rows.height - limit:,} rows more (--limit, or --json for all)")

    emit({"rows": rows.to_dicts()}, as_json, render)
