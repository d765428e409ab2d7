"""`ploutos env`: the V6 environment against its golden files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from apps.cli.output import Json, emit, table

if TYPE_CHECKING:
    from envs.replay import GoldenReplay

app = typer.Typer(help="Replay golden files through the V6 environment.", no_args_is_help=True)


@app.callback()
def env_noun() -> None:
    """Replay golden files through the V6 environment."""


@app.command("replay")
def replay(
    golden: Annotated[Path, typer.Option(help="Golden file, .npz.")],
    out: Annotated[
        Path | None, typer.Option(help="Write our rows as array `steps` into this .npz.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the recorded actions and print the largest relative error of each column.

    Exit code 1 when money, reward or counters are off by more than 1e-9, or the float32 tail of
    the observation by more than 1e-6.

    Example: ploutos env replay --golden v6_random.npz --out steps.npz --json
    """
    from cluster.errors import UsageError
    from envs.replay import replay_golden

    if not golden.is_file():
        raise UsageError(f"no golden file {golden}", "there is no such file", f"ls {golden.parent}")
    result = replay_golden(golden)
    if out is not None:
        _write(result, out)
    document = {
        "golden": golden,
        "steps": len(result.steps),
        "errors": result.errors,
        "largest_error": max(result.errors.values()),
        "matches": result.matches,
        "out": out,
    }

    def render(console: Console) -> None:
        console.print(table(("column", "largest relative error"), result.errors.items()))
        console.print(f"{len(result.steps):,} steps: {'match' if result.matches else 'DIFFER'}")

    emit(document, as_json, render)
    if not result.matches:
        raise typer.Exit(1)


def _write(result: "GoldenReplay", out: Path) -> None:
    from io import BytesIO

    import numpy as np

    from cluster.files import write_atomic

    buffer = BytesIO()
    np.savez_compressed(buffer, steps=result.steps, columns=np.array(result.columns))
    write_atomic(out, buffer.getvalue())
