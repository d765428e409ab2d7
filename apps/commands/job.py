"""`ploutos job`: sweeps as jobs of a Ray cluster."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from apps.output import Json, emit, print_fields

app = typer.Typer(help="Run a sweep as a Ray job on a cluster.", no_args_is_help=True)

Address = Annotated[str, typer.Option(help="The cluster's dashboard.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="As `job submit` printed it.")]
DASHBOARD = "http://127.0.0.1:8265"


@app.command("submit", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def submit(
    context: typer.Context,
    address: Address = DASHBOARD,
    working_dir: Annotated[Path, typer.Option(help="Uploaded to the cluster.")] = Path(),
    as_json: Json = False,
) -> None:
    """Submit a sweep; what follows `--` goes to `python -m train.sweep`.

    Example: ploutos job submit --address http://127.0.0.1:8265 -- --scenario demo --trials 4
    """
    from cluster.jobs import Jobs

    entrypoint = shlex.join(["python", "-m", "train.sweep", *context.args])
    job = Jobs(address).submit(entrypoint, working_dir=working_dir.absolute())
    emit({"job": job, "entrypoint": entrypoint, "address": address}, as_json)


@app.command("status")
def status(job: JobId, address: Address = DASHBOARD, as_json: Json = False) -> None:
    """Show where a job stands; exit code 1 when it failed.

    Example: ploutos job status raysubmit_abc123
    """
    from cluster.jobs import Jobs

    found = Jobs(address).status(job)
    emit(vars(found), as_json)
    if found.status == "FAILED":
        raise typer.Exit(1)


@app.command("logs")
def logs(job: JobId, address: Address = DASHBOARD, as_json: Json = False) -> None:
    """Print what a job has printed.

    Example: ploutos job logs raysubmit_abc123
    """
    from cluster.jobs import Jobs

    text = Jobs(address).logs(job)

    def render(console: Console) -> None:
        console.print(text, markup=False, end="")

    emit({"job": job, "logs": text}, as_json, render)


@app.command("stop")
def stop(job: JobId, address: Address = DASHBOARD, as_json: Json = False) -> None:
    """Ask a job to end.

    Example: ploutos job stop raysubmit_abc123
    """
    from cluster.jobs import Jobs

    ended = Jobs(address).stop(job)
    emit(
        {"job": job, "stopped": ended}, as_json, lambda console: print_fields(console, {job: ended})
    )
