"""`ploutos demo`: the whole line once."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.output import Json, emit


def demo(
    bars: Annotated[
        Path | None, typer.Option(help="Bars, Parquet or CSV; default: the simulated market.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the whole line once: bars to paper orders, with an honest verdict.

    Example: ploutos demo --bars my_bars.parquet
    """
    from apps.demo.console import DemoConsole
    from apps.demo.demo import run_demo
    from cluster.settings import home

    console = DemoConsole(quiet=as_json)
    document = run_demo(bars, home(), console)
    console.say(f"  done in {console.elapsed:.0f} s; everything lies in {home().root}")
    console.say(f"  report    {document['report']}")
    console.say("  app       ploutos app open")
    console.say("  endpoint  stopped with the demo; start it again with: ploutos serve up")
    if as_json:
        emit(document, as_json)
