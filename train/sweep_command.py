"""`python -m train.sweep`: plain lines while it runs, one line of JSON at the end."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.errors import PloutosError
from cluster.settings import Home
from cluster.settings import home as default_home
from train.scenario import PloutosConfig
from train.sweep import resume_sweep, run_sweep
from train.sweep_market import request_from_file, simulated_request
from train.sweep_plan import SweepRequest
from train.sweep_progress import SweepEvent


def main(arguments: Sequence[str]) -> int:
    """Run or resume a sweep; the exit code is that of the error, if any."""
    options = _parser().parse_args(arguments)
    home = Home(options.home.expanduser().absolute()) if options.home else default_home()
    try:
        if options.resume:
            result = resume_sweep(home, options.resume, print_event)
        else:
            result = run_sweep(_request(options, home), print_event)
    except PloutosError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"bundle: {result.bundle}")
    print(json.dumps(result.to_dict()))
    return 0


def print_event(event: SweepEvent) -> None:
    """One line an event."""
    sharpe = (
        "" if event.validation_sharpe is None else f" Sharpe(val) {event.validation_sharpe:.2f}"
    )
    sampled = " ".join(f"{name}={_short(value)}" for name, value in event.sampled.items())
    print(
        f"[{event.elapsed_s:6.1f}s] trial {event.number}/{event.trials} {event.kind:9s} "
        f"{event.steps:>9,} of {event.total_steps:,} steps "
        f"{event.steps_per_second:>7,.0f}/s{sharpe}  {sampled} seed={event.seed}",
        flush=True,
    )


def override_search(
    config: PloutosConfig, *, trials: int | None, steps: int | None, learner: str | None
) -> PloutosConfig:
    """The scenario with what a command line may change of it.

    Raises:
        ConfigError: a value out of range.
    """
    values: dict[str, Any] = config.model_dump(mode="json")
    if trials is not None:
        values["search"]["trials"] = trials
    if steps is not None:
        values["training"]["total_timesteps"] = steps
    if learner is not None:
        values["learner"] = learner
    return PloutosConfig.from_json(json.dumps(values))


def _request(options: argparse.Namespace, home: Home) -> SweepRequest:
    config = override_search(
        PloutosConfig.from_yaml(options.scenario),
        trials=options.trials,
        steps=options.steps,
        learner=options.learner,
    )
    if options.bars:
        return request_from_file(config, options.bars, home, name=options.name)
    return simulated_request(config, home, name=options.name, edge=options.edge)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.sweep", description=__doc__)
    parser.add_argument("--scenario", default="demo", help="name or YAML file (default: demo)")
    parser.add_argument("--bars", type=Path, help="Parquet or CSV file (default: simulated market)")
    parser.add_argument("--edge", type=float, default=0.0, help="Sharpe ratio planted in it")
    parser.add_argument("--trials", type=int, help="how many trials")
    parser.add_argument("--steps", type=int, help="environment steps of each trial")
    parser.add_argument("--learner", choices=("sb3", "rllib"))
    parser.add_argument("--name", default="", help="of the sweep (default: scenario and time)")
    parser.add_argument("--home", type=Path, help="default: PLOUTOS_HOME, else .ploutos")
    parser.add_argument("--resume", metavar="NAME", help="go on with an interrupted sweep")
    return parser


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
