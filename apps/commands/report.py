"""`ploutos report`: the reports of this home, made, listed and opened."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, row_table

app = typer.Typer(help="Make, list and open reports.", no_args_is_help=True)


def _reports() -> list[Path]:
    """Every HTML and JSON report of this home, newest first."""
    from cluster.settings import home

    found = [path for path in home().reports.rglob("*") if path.suffix in (".html", ".json")]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


@app.command("make")
def make_report(
    bundle: Annotated[
        str | None, typer.Argument(help="Id, stage name or folder; default: the newest.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a bundle once more on its test window, and write everything into one HTML file.

    The reading is counted. What `ploutos backtest stress` measures is measured first, if it is not
    there yet.

    Example: ploutos report make champion
    """
    from apps.cli.backtests import load_model
    from apps.cli.reports import full_report
    from cluster.settings import home
    from train.judge.judge_walk import judge_anew

    model = load_model(home(), bundle)
    judged = judge_anew(home(), model, occasion="report")
    page = full_report(home(), home().reports / f"{model.manifest.bundle_id}.html", judged)
    document = {
        "bundle": model.manifest.bundle_id,
        "verdict": judged.verdict.label,
        "readings": judged.verdict.readings,
        "report": page,
    }

    def render(console: Console) -> None:
        console.print(judged.verdict.headline, markup=False)
        console.print(f"report {page}", markup=False)

    emit(document, as_json, render)


@app.command("list")
def list_reports(as_json: Json = False) -> None:
    """List the reports, newest first.

    Example: ploutos report list
    """
    from cluster.settings import home

    folder = home().reports
    rows: list[dict[str, Any]] = [
        {
            "report": str(path.relative_to(folder)),
            "written": datetime.fromtimestamp(path.stat().st_mtime, UTC),
            "bytes": path.stat().st_size,
        }
        for path in _reports()
    ]

    def render(console: Console) -> None:
        if rows:
            console.print(row_table(rows))
        else:
            console.print("no reports yet; next: ploutos demo")

    emit({"folder": folder, "reports": rows}, as_json, render)


@app.command("open")
def open_report(
    name: Annotated[str | None, typer.Argument(help="As `report list` names it.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the default browser.")] = True,
    as_json: Json = False,
) -> None:
    """Open a report, by default the newest HTML one.

    Example: ploutos report open
    """
    from cluster.errors import UsageError
    from cluster.settings import home

    folder = home().reports
    known = [
        path
        for path in _reports()
        if (path.suffix == ".html" if name is None else str(path.relative_to(folder)) == name)
    ]
    if not known:
        wanted = f"no report {name}" if name else "no HTML report"
        raise UsageError(wanted, f"in {folder}", "ploutos report list, or ploutos demo makes one")
    emit({"report": known[0]}, as_json, lambda console: console.print(str(known[0])))
    if browser:
        typer.launch(known[0].as_uri())
