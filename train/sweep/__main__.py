"""`python -m train.sweep`: plain lines while it runs, one line of JSON at the end."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.artifacts import VARIABLE, ArtifactStore, store_of_environment
from cluster.errors import PloutosError, UsageError
from cluster.settings import Home
from cluster.settings import home as default_home
from train.bundle.publish import publish_bundle, publish_ledger
from train.learners.factory import LEARNERS, check_learner
from train.scenarios.overrides import override_search, with_settings
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan import SweepRequest
from train.sweep.progress import Report, SweepEvent, SweepProgress, publishing
from train.sweep.request import request_from_file, simulated_request
from train.sweep.sweep import SweepResult, resume_sweep, run_sweep


def main(arguments: Sequence[str]) -> int:
    """Run or resume a sweep; the exit code is that of the error, if any."""
    options = _parser().parse_args(arguments)
    try:
        home = _home(options.home)
        store = _store(options.artifacts)
        report = publishing(store, home, line_printer()) if store else line_printer()
        result = _run(options, home, report)
        published = _published(store, result) if store else {}
    except PloutosError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"bundle: {result.bundle}")
    print(f"ledger: {result.home.ledger / result.plan.problem}")
    for name, address in published.items():
        print(f"published {name}: {address}")
    ledger = str(result.home.ledger / result.plan.problem)
    print(json.dumps(result.to_dict() | {"ledger": ledger, "published": published}))
    return 0


def _run(options: argparse.Namespace, home: Home, report: Report) -> SweepResult:
    if options.resume:
        return resume_sweep(home, options.resume, report)
    return run_sweep(_request(options, home), report)


def _home(given: Path | None) -> Home:
    if given is None:
        return default_home()
    _check_lasts(given.expanduser(), "--home")
    return Home(given.expanduser().absolute())


def _store(url: str) -> ArtifactStore | None:
    """The artefact store, once it was written to; None without a URL."""
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


def _published(store: ArtifactStore, result: SweepResult) -> dict[str, str]:
    ledger = publish_ledger(store, result.home)
    return {
        "bundle": publish_bundle(store, result.bundle),
        "ledger": f"{ledger}/{result.plan.problem}",
    }


def check_arguments(arguments: Sequence[str]) -> None:
    """Find out before anything is started whether these arguments make a sweep.

    Raises:
        UsageError: a `--set` that cannot be read.
        ConfigError: no such scenario, or a key or value of it that is wrong.
        SystemExit: an unknown option; argparse has said so.
    """
    options = _parser().parse_args(arguments)
    if not options.resume:
        check_learner(_scenario(options))


def line_printer() -> Report:
    """A report that prints one line an event."""
    progress = SweepProgress()

    def print_event(event: SweepEvent) -> None:
        progress.add(event)
        print(progress.line(event), flush=True)

    return print_event


def _scenario(options: argparse.Namespace) -> PloutosConfig:
    return override_search(
        with_settings(PloutosConfig.from_yaml(options.scenario), options.settings),
        trials=options.trials,
        steps=options.steps,
        learner=options.learner,
    )


def _request(options: argparse.Namespace, home: Home) -> SweepRequest:
    config = _scenario(options)
    if options.bars:
        return request_from_file(config, options.bars, home, name=options.name)
    return simulated_request(config, home, name=options.name, edge=options.edge)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.sweep", description=__doc__)
    parser.add_argument("--scenario", default="demo", help="name or YAML file (default: demo)")
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="replace a value of the scenario; again for more",
    )
    parser.add_argument("--bars", type=Path, help="Parquet or CSV file (default: simulated market)")
    parser.add_argument("--edge", type=float, default=0.0, help="Sharpe ratio planted in it")
    parser.add_argument("--trials", type=int, help="how many trials")
    parser.add_argument("--steps", type=int, help="environment steps of each trial")
    parser.add_argument("--learner", choices=tuple(LEARNERS))
    parser.add_argument("--name", default="", help="of the sweep (default: scenario and time)")
    parser.add_argument("--home", type=Path, help="default: PLOUTOS_HOME, else .ploutos")
    parser.add_argument(
        "--artifacts",
        metavar="URL",
        default=store_of_environment(),
        help=f"folder or fsspec URL for the bundle and the ledger (default: {VARIABLE})",
    )
    parser.add_argument("--resume", metavar="NAME", help="go on with an interrupted sweep")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
