"""`ploutos data market`: the Market of the lake's bars."""

from typing import Annotated

import typer

from apps.cli.output import Json, emit, talk
from apps.commands.data.home_lake import home_lake


def market(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SYMBOL]...", help="In slot order; default: all long enough."),
    ] = None,
    *,
    interval: Annotated[str, typer.Option(help="Such as 1h or 1d.")] = "1d",
    source: Annotated[str | None, typer.Option(help="Which series, where there are several.")] = (
        None
    ),
    as_json: Json = False,
) -> None:
    """Put the lake's bars and their features (v6) on one clock, once for the same bars.

    Symbols with too few bars to warm their features up are left out and named, unless asked for.

    Example: ploutos data market --interval 1d
    """
    from cluster.settings import home
    from envs.from_lake import LakeMarkets

    talk(f"{interval} bars of {home().lake}")
    markets = LakeMarkets(home_lake(), home().tables)
    found = markets.market(interval, source=source, symbols=symbols or None)
    bars, assets, features = found.market.features.shape
    emit(
        {
            "path": found.path,
            "built": found.built,
            "bars": bars,
            "symbols": assets,
            "features": features,
            "left_out": list(found.left_out),
        },
        as_json,
    )
