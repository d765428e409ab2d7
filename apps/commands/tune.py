"""`ploutos tune`: sweeps on Ray Tune."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, frame_table, print_fields, row_table, talk
from train.learners.factory import LEARNERS
from train.sweep.bars.choice import (
    BarsChoice,
    EdgeOption,
    FileOption,
    LakeOption,
    SimulatedOption,
    SourceOption,
)

if TYPE_CHECKING:
    from train.judge.judge_bundle import Judgement
    from train.ledger.ranking import Configuration
    from train.sweep.plan import SweepPlan
    from train.sweep.sweep import SweepResult

app = typer.Typer(help="Run, resume and inspect sweeps.", no_args_is_help=True)


@app.command("run")
def run(
    *,
    scenario: Annotated[str, typer.Option(help="Name, or YAML file.")] = "demo",
    bars: FileOption = None,
    simulated: SimulatedOption = False,
    edge: EdgeOption = None,
    source: SourceOption = None,
    lake: LakeOption = None,
    learner: Annotated[str | None, typer.Option(help=f"{' or '.join(LEARNERS)}.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Environment steps a trial.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one value; repeatable."),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the sweep; default: scenario and time.")] = "",
    as_json: Json = False,
) -> None:
    """Run a sweep, make a bundle of the best trial, and judge it. Ctrl-C is safe: see resume.

    Example: ploutos tune run --scenario demo --trials 4
    """
    from apps.cli.sweep_table import watched
    from cluster.settings import home
    from trade.risk.limits import RiskLimits
    from train.scenarios.overrides import scenario_of
    from train.sweep.bars.request import requested
    from train.sweep.sweep import run_sweep

    config = scenario_of(scenario, settings, trials=trials, steps=steps, learner=learner)
    RiskLimits(**config.risk)  # refuse now what the trader would refuse after hours of training
    choice = BarsChoice(file=bars, simulated=simulated, edge=edge, source=source, lake=lake)
    request = requested(config, choice, home(), name=name)
    talk(f"bars: {request.told}")
    with watched() as report:
        result = run_sweep(request, report)
    _finish(result, as_json)


@app.command("resume")
def resume(
    name: Annotated[str, typer.Argument(help="The sweep, as `tune list` names it.")],
    as_json: Json = False,
) -> None:
    """Go on with an interrupted sweep: running trials from their checkpoints, then the rest.

    Example: ploutos tune resume demo-20261123-101500
    """
    from apps.cli.sweep_table import watched
    from cluster.settings import home
    from train.sweep.sweep import resume_sweep

    with watched() as report:
        result = resume_sweep(home(), name, report)
    _finish(result, as_json)


def _finish(result: "SweepResult", as_json: bool) -> None:
    """Judge the bundle of a finished sweep, write the report and print the summary."""
    judgement, report = _judged(result)
    document = result.to_dict() | {
        "verdict": judgement.verdict.model_dump(mode="json"),
        "report": str(report),
    }

    def render(console: Console) -> None:
        shown = ["sweep", "bars", "trials", "completed", "steps", "steps_per_second"]
        shown += ["bundle", "report"]
        print_fields(console, {key: document[key] for key in shown})
        console.print(judgement.verdict.headline, markup=False)
        for reason in judgement.verdict.reasons:
            console.print(f"  {reason}", markup=False)

    emit(document, as_json, render)


def _judged(result: "SweepResult") -> "tuple[Judgement, Path]":
    from apps.cli.reports import full_report
    from envs import Market
    from train.judge.judge_bundle import judge_bundle
    from train.ledger.ledger import TrialLedger

    ledger = TrialLedger(result.home.ledger)
    judgement = judge_bundle(result.bundle, Market.load(result.market), ledger)
    page = result.home.reports / f"{result.plan.name}.html"
    return judgement, full_report(result.home, page, judgement)


@app.command("list")
def list_sweeps(as_json: Json = False) -> None:
    """List the sweeps of this home, newest first, and how to go on with interrupted ones.

    Example: ploutos tune list
    """
    from apps.cli.readers import sweep_plans
    from cluster.settings import home

    rows = [_standing(plan) for plan in sweep_plans(home())]

    def render(console: Console) -> None:
        if rows:
            console.print(row_table(rows))
        else:
            console.print("no sweeps yet; next: ploutos tune run --scenario demo")
        for row in rows:
            if row["next"]:
                console.print(f"{row['sweep']}: {row['next']}", markup=False, soft_wrap=True)

    emit({"sweeps": rows}, as_json, render)


def _standing(plan: "SweepPlan") -> dict[str, Any]:
    from cluster.settings import home
    from train.sweep.results import sweep_records
    from train.sweep.state import sweep_state

    state = sweep_state(home(), plan.name)
    return {
        "sweep": plan.name,
        "state": state.standing,
        "ended": len(sweep_records(home(), plan)),
        "trials": plan.scenario().search.trials,
        "created": plan.created,
        "scenario": plan.scenario().name,
        "data": plan.data.label,
        "problem": plan.problem,
        "next": state.next_command,
    }


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The sweep, as `tune list` names it.")],
    as_json: Json = False,
) -> None:
    """Show the configurations of a sweep, best median validation first, and every trial.

    What a trial earned in the test window is told once its bundle was judged there.

    Example: ploutos tune show demo-20261123-101500
    """
    import polars as pl

    from apps.cli.readers import unread_hidden
    from cluster.settings import home
    from train.ledger.ledger import TrialLedger

    plan, configurations = _ranked(name)
    trials = (
        unread_hidden(home(), plan.problem, TrialLedger(home().ledger).trials(plan.problem))
        .filter(pl.col("sweep") == name)
        .sort("validation_sharpe", descending=True, nulls_last=True)
    )
    shown = ("trial_id", "status", "steps", "validation_sharpe", "test_sharpe", "seed", "config")
    rows = [_configuration_row(one) for one in configurations]

    def render(console: Console) -> None:
        if rows:
            console.print(row_table(rows))
        console.print(frame_table(trials.select(shown)))

    document = {"sweep": name, "problem": plan.problem, "configurations": rows}
    emit(document | {"trials": trials.to_dicts()}, as_json, render)


@app.command("compare")
def compare(
    names: Annotated[list[str], typer.Argument(help="Sweeps, as `tune list` names them.")],
    as_json: Json = False,
) -> None:
    """Compare the best configurations of sweeps, by the median over seeds on validation.

    Sweeps of different problems (other bars, symbols or folds) are not comparable; the column
    problem tells.

    Example: ploutos tune compare demo-20261123-101500 demo-20261124-090000
    """
    rows: list[dict[str, Any]] = []
    for name in names:
        plan, configurations = _ranked(name)
        trials = [trial for one in configurations for trial in one.trials]
        rows.append(
            {
                "sweep": name,
                "problem": plan.problem,
                "scenario": plan.scenario().name,
                "configurations": len(configurations),
                "trials": len(trials),
                "env steps": sum(trial.steps for trial in trials),
                "best median": configurations[0].score if configurations else None,
                "best parameters": configurations[0].sampled if configurations else {},
            }
        )
    emit(
        {"sweeps": rows},
        as_json,
        lambda console: console.print(row_table(rows)),
    )


@app.command("best")
def best(
    name: Annotated[str, typer.Argument(help="The sweep, as `tune list` names it.")],
    as_json: Json = False,
) -> None:
    """Show the best configuration of a sweep, its median trial, and the bundle made of it.

    Example: ploutos tune best demo-20261123-101500
    """
    from cluster.settings import home
    from train.sweep.results import best_trial
    from train.sweep.state import sweep_state

    plan, configurations = _ranked(name)
    trial = best_trial(plan, [record for one in configurations for record in one.trials])
    state = sweep_state(home(), name)
    document = {
        "sweep": name,
        **_configuration_row(configurations[0]),
        "trial": trial.trial_id,
        "state": state.standing,
        "bundle": state.bundle,
    }
    emit(document, as_json, lambda console: print_fields(console, document))


def _ranked(name: str) -> "tuple[SweepPlan, list[Configuration]]":
    """A sweep and its configurations, best first, of the trials that have ended."""
    from cluster.settings import home
    from train.ledger.ranking import ranked
    from train.sweep.plan import SWEEP_PLANS
    from train.sweep.results import sweep_records

    plan = SWEEP_PLANS.read(home(), name)
    return plan, ranked(sweep_records(home(), plan))


def _configuration_row(configuration: "Configuration") -> dict[str, Any]:
    return {
        "median validation": configuration.score,
        "seeds": [trial.seed for trial in configuration.trials],
        "validation": [trial.validation_sharpe for trial in configuration.trials],
        "completed": len(configuration.completed),
        "parameters": configuration.sampled,
    }
