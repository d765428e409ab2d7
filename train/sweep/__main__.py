"""`python -m train.sweep`: plain lines while it runs, one line of JSON at the end."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.artifacts import ArtifactStore
from cluster.entry.prepare import prepare_process
from cluster.errors import PloutosError, UsageError
from cluster.files import check_name
from cluster.settings import Home, load_settings
from cluster.settings import home as default_home
from train.learners.factory import LEARNERS, check_learner
from train.sweep.bars.choice import (
    BarsChoice,
    EdgeOption,
    FileOption,
    LakeOption,
    SimulatedOption,
    SourceOption,
)

if TYPE_CHECKING:
    from train.sweep.progress import Report, SweepEvent
    from train.sweep.sweep import SweepResult

_PROGRAM = "python -m train.sweep"
_BARS = ("bars", "simulated", "edge", "source", "lake")
_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def main(arguments: Sequence[str]) -> int:
    """Run or resume a sweep; the exit code is that of the error, if any."""
    command = typer.main.get_command(_app)
    try:
        command.main(list(arguments), prog_name=_PROGRAM, standalone_mode=False)
    except PloutosError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except typer.TyperException as error:
        print(f"error: {error.format_message()}\n  next: {_PROGRAM} --help", file=sys.stderr)
        return error.exit_code
    except typer.Abort:  # Ctrl-C before there was a sweep
        return 130
    return 0


def check_arguments(arguments: Sequence[str]) -> None:
    """Find out before anything is started whether these arguments make a sweep.

    Raises:
        UsageError: a `--set` that cannot be read.
        ConfigError: no such scenario or learner, or a key or value that is wrong.
        typer.TyperException: an unknown option, or a value of another kind.
    """
    from train.scenarios.overrides import scenario_of

    command = typer.main.get_command(_app)
    given = command.make_context(_PROGRAM, list(arguments)).params
    if given["name"]:
        check_name(given["name"], "sweep")
    if not given["resume"]:
        BarsChoice(**{"file" if name == "bars" else name: given[name] for name in _BARS})
        names = ("settings", "trials", "steps", "learner")
        check_learner(scenario_of(given["scenario"], **{name: given[name] for name in names}))


def _known_learner(name: str | None) -> str | None:
    if name is not None and name not in LEARNERS:
        raise typer.BadParameter(f"{name} is none of {', '.join(LEARNERS)}")
    return name


@_app.command(help=__doc__)
def sweep(
    *,
    scenario: Annotated[str, typer.Option(help="Name, or YAML file.")] = "demo",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one value; repeatable."),
    ] = None,
    bars: FileOption = None,
    simulated: SimulatedOption = False,
    edge: EdgeOption = None,
    source: SourceOption = None,
    lake: LakeOption = None,
    trials: Annotated[int | None, typer.Option(help="How many trials.")] = None,
    steps: Annotated[int | None, typer.Option(help="Environment steps of each trial.")] = None,
    learner: Annotated[
        str | None, typer.Option(callback=_known_learner, help=f"{' or '.join(LEARNERS)}.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the sweep; default: scenario and time.")] = "",
    home: Annotated[Path | None, typer.Option(help="Default: PLOUTOS_HOME, else .ploutos.")] = None,
    artifacts: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Folder or fsspec URL for the bundle and the ledger; default: PLOUTOS_ARTIFACTS.",
        ),
    ] = "",
    resume: Annotated[
        str | None, typer.Option(metavar="NAME", help="Go on with an interrupted sweep.")
    ] = None,
) -> None:
    """Run or resume a sweep, and print what came of it."""
    from train.scenarios.overrides import scenario_of
    from train.sweep.bars.request import requested
    from train.sweep.progress import publishing
    from train.sweep.sweep import resume_sweep, run_sweep

    choice = BarsChoice(file=bars, simulated=simulated, edge=edge, source=source, lake=lake)
    place, store = _home(home), _store(artifacts)
    report = publishing(store, place, line_printer()) if store else line_printer()
    if resume:
        result = resume_sweep(place, resume, report)
    else:
        config = scenario_of(scenario, settings, trials=trials, steps=steps, learner=learner)
        request = requested(config, choice, place, name=name)
        print(f"bars: {request.told}", file=sys.stderr, flush=True)
        result = run_sweep(request, report)
    _print_end(result, _published(store, result) if store else {})


def _print_end(result: "SweepResult", published: dict[str, str]) -> None:
    ledger = str(result.home.ledger / result.plan.problem)
    print(f"bars: {result.plan.bars}")
    print(f"bundle: {result.bundle}")
    print(f"ledger: {ledger}")
    for name, address in published.items():
        print(f"published {name}: {address}")
    print(json.dumps(result.to_dict() | {"ledger": ledger, "published": published}))


def _home(given: Path | None) -> Home:
    if given is None:
        return default_home()
    _check_lasts(given.expanduser(), "--home")
    return Home(given.expanduser().absolute())


def _store(url: str) -> ArtifactStore | None:
    """The artefact store, once it was written to; None where none is named."""
    url = url or load_settings().ploutos_artifacts
    if not url:
        return None
    if "://" not in url:
        _check_lasts(Path(url).expanduser(), "--artifacts")
    store = ArtifactStore(url)
    store.check()
    return store


def _check_lasts(path: Path, option: str) -> None:
    """Ray deletes the current folder of a job some time after its end."""
    in_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
    if in_job and not path.is_absolute():
        raise UsageError(
            f"{option} {path} would be lost",
            "a job runs in a copy of the working directory, which Ray deletes",
            f"give an absolute path: {option} /data/ploutos",
        )


def _published(store: ArtifactStore, result: "SweepResult") -> dict[str, str]:
    from train.bundle.publish import publish_bundle, publish_ledger

    ledger = publish_ledger(store, result.home)
    return {
        "bundle": publish_bundle(store, result.bundle),
        "ledger": f"{ledger}/{result.plan.problem}",
    }


def line_printer() -> "Report":
    """A report that prints one line an event."""
    from train.sweep.progress import SweepProgress

    progress = SweepProgress()

    def print_event(event: "SweepEvent") -> None:
        progress.add(event)
        print(progress.line(event), flush=True)

    return print_event


if __name__ == "__main__":
    prepare_process()
    sys.exit(main(sys.argv[1:]))
