"""`ploutos job`: sweeps as jobs of a Ray cluster."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from apps.cli.output import Json, emit, print_fields, table
from train.sweep.bars.choice import LakeOption

if TYPE_CHECKING:
    from cluster.artifacts import ArtifactStore

app = typer.Typer(help="Run a sweep as a Ray job on a cluster.", no_args_is_help=True)

Address = Annotated[str, typer.Option(help="The cluster's dashboard.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="As `job submit` printed it.")]
DASHBOARD = "http://127.0.0.1:8265"
Store = Annotated[
    str,
    typer.Option("--artifacts", help="Folder or fsspec URL; default: PLOUTOS_ARTIFACTS."),
]


@app.command("submit", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def submit(
    context: typer.Context,
    *,
    address: Address = DASHBOARD,
    working_dir: Annotated[Path, typer.Option(help="Uploaded to the cluster.")] = Path(),
    artifacts: Store = "",
    lake: LakeOption = None,
    as_json: Json = False,
) -> None:
    """Submit a sweep; what follows `--` goes to `python -m train.sweep`, and is checked here first.

    Example: ploutos job submit --artifacts s3://bucket/ploutos -- --scenario demo --trials 4
    """
    from cluster.jobs import Jobs
    from cluster.settings import load_settings
    from train.sweep.__main__ import check_arguments

    url = artifacts or load_settings().ploutos_artifacts
    arguments = [*context.args, *(["--artifacts", url] if url else [])]
    lake = lake or _lake_of_setting(context.args)
    arguments += ["--lake", lake] if lake else []
    check_arguments(arguments)
    entrypoint = shlex.join(["python", "-m", "train.sweep", *arguments])
    job = Jobs(address).submit(entrypoint, working_dir=working_dir.absolute())
    emit({"job": job, "entrypoint": entrypoint, "address": address}, as_json)


def _lake_of_setting(arguments: list[str]) -> str:
    """PLOUTOS_LAKE, which no cluster knows of; "" where the arguments name other bars."""
    from cluster.settings import load_settings

    named = {argument.partition("=")[0] for argument in arguments}
    if named & {"--bars", "--simulated", "--edge", "--lake", "--resume"}:
        return ""
    return load_settings().ploutos_lake


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


@app.command("list")
def list_jobs(address: Address = DASHBOARD, as_json: Json = False) -> None:
    """List the jobs that the cluster remembers, newest first.

    Example: ploutos job list
    """
    from cluster.jobs import Jobs

    rows = [vars(job) for job in Jobs(address).all()]

    def render(console: Console) -> None:
        columns = ("job_id", "status", "entrypoint")
        console.print(table(columns, [[row[name] for name in columns] for row in rows]))

    emit({"address": address, "jobs": rows}, as_json, render)


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


@app.command("artifacts")
def list_artifacts(artifacts: Store = "", as_json: Json = False) -> None:
    """List the bundles and the ledger's problems of an artefact store.

    Example: ploutos job artifacts --artifacts s3://bucket/ploutos
    """
    from train.bundle.publish import published_bundles, published_problems

    store = _store(artifacts)
    document = {
        "artifacts": store.url,
        "bundles": published_bundles(store),
        "problems": published_problems(store),
    }
    emit(document, as_json)


@app.command("fetch")
def fetch(
    bundle: Annotated[str, typer.Argument(help="Its id, as `job artifacts` lists it.")],
    artifacts: Store = "",
    as_json: Json = False,
) -> None:
    """Bring a bundle and the whole ledger from an artefact store into this home, checked.

    Example: ploutos job fetch 8d57737e5a85a013 --artifacts s3://bucket/ploutos
    """
    from cluster.settings import home
    from train.bundle.publish import fetch_bundle, fetch_ledger

    store = _store(artifacts)
    path = fetch_bundle(store, bundle, home())
    emit({"bundle": str(path), "new_trials": len(fetch_ledger(store, home()))}, as_json)


def _store(url: str) -> "ArtifactStore":
    from cluster.artifacts import ArtifactStore
    from cluster.errors import UsageError
    from cluster.settings import load_settings

    url = url or load_settings().ploutos_artifacts
    if not url:
        raise UsageError(
            "no artefact store is named", "", "give --artifacts URL, or set PLOUTOS_ARTIFACTS"
        )
    return ArtifactStore(url)
