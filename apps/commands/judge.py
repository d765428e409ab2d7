"""`ploutos judge`: walk forward over folds, or judge a bundle on bars it has never seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import Json, emit, print_fields, row_table, table, talk
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
    from train.bundle.verdict_record import Check, VerdictRecord
    from train.judge.unseen_bars import UnseenJudgement
    from train.judge.walk_forward import WalkResult
    from train.sweep.plan import SweepRequest

app = typer.Typer(
    help="Walk forward over folds, or judge a bundle on bars it has never seen.",
    no_args_is_help=True,
)

VERDICT_NEGATIVE = 6


@app.command("run")
def run(
    *,
    scenario: Annotated[str | None, typer.Option(help="Name, or YAML file [demo].")] = None,
    bars: FileOption = None,
    simulated: SimulatedOption = False,
    edge: EdgeOption = None,
    source: SourceOption = None,
    lake: LakeOption = None,
    folds: Annotated[int | None, typer.Option(min=1, help="How many folds.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials a fold.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Environment steps a trial.")] = None,
    learner: Annotated[str | None, typer.Option(help=f"{' or '.join(LEARNERS)}.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one value; repeatable."),
    ] = None,
    name: Annotated[str, typer.Option(help="Of the walk; default: scenario and time.")] = "",
    resume: Annotated[str | None, typer.Option(help="Go on with an interrupted walk.")] = None,
    bundle: Annotated[
        str | None, typer.Option(help="Judge this one on later bars instead: id or folder.")
    ] = None,
    symbols: Annotated[
        str | None, typer.Option(help="With --bundle: A,B,C or all; default: the bundle's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk forward: a sweep in every fold, one verdict on all test windows. Ctrl-C is safe.

    With --bundle nothing is trained: the bundle is judged on the sessions of the bars, by default
    the lake's, that came after those it was made on. Exit code 0 means BETTER, 6 NOT BETTER.

    Example: ploutos judge run --scenario demo --folds 3
    """
    choice = BarsChoice(file=bars, simulated=simulated, edge=edge, source=source, lake=lake)
    training = (scenario, folds, trials, steps, learner, settings)
    _check_options(training, choice, bundle=bundle, resume=resume, symbols=symbols)
    if bundle is not None:
        better = _judge_bundle(bundle, choice, symbols, as_json)
    elif resume is not None:
        better = _resume(resume, as_json)
    else:
        from cluster.settings import home
        from train.scenarios.overrides import scenario_of
        from train.sweep.bars.request import requested

        config = scenario_of(
            scenario or "demo", settings, trials=trials, steps=steps, learner=learner, folds=folds
        )
        better = _walk(requested(config, choice, home(), name=name), as_json)
    if not better:
        raise typer.Exit(VERDICT_NEGATIVE)


def _check_options(
    training: tuple[object, ...],
    choice: BarsChoice,
    *,
    bundle: str | None,
    resume: str | None,
    symbols: str | None,
) -> None:
    from cluster.errors import UsageError

    given = any(option not in (None, []) for option in training)
    if bundle is not None and (given or resume is not None):
        raise UsageError(
            "--bundle judges what is there already", "it trains nothing", "leave the others out"
        )
    if resume is not None and (given or choice != BarsChoice()):
        raise UsageError(
            "--resume goes on with a walk as it was begun", "", "leave the other options out"
        )
    if bundle is not None and (choice.is_simulated or choice.lake is not None):
        raise UsageError(
            "--bundle judges on bars of a file, or of this home's lake", "", "add --bars FILE"
        )
    if symbols is not None and bundle is None:
        raise UsageError("--symbols goes with --bundle", "", "--set data.tickers=[A,B] for a walk")


def _walk(request: "SweepRequest", as_json: bool) -> bool:
    from apps.cli.walk_lines import walk_printer
    from train.judge.walk_forward import run_walk

    talk(f"bars: {request.told}")
    report = walk_printer(request.config.folds.count, request.config.search.trials)
    return _finish(run_walk(request, report), as_json)


def _resume(name: str, as_json: bool) -> bool:
    from apps.cli.walk_lines import walk_printer
    from cluster.settings import home
    from train.judge.walk_forward import resume_walk
    from train.sweep.walk_plan import WALK_PLANS

    plan = WALK_PLANS.read(home(), name)
    report = walk_printer(len(plan.folds), plan.scenario().search.trials)
    return _finish(resume_walk(home(), name, report), as_json)


def _finish(result: "WalkResult", as_json: bool) -> bool:
    """Write the report and print the summary; whether the verdict is BETTER."""
    from apps.cli.reports import full_report
    from cluster.settings import home
    from train.backtest.baselines import names_by_fold

    judged = result.judgement
    page = full_report(home(), home().reports / f"{result.plan.name}.html", judged)
    paths = [judged.candidate, *judged.baselines]
    document = {
        "walk": result.plan.name,
        "problem": result.plan.problem,
        "bars": result.plan.bars,
        **_told(judged.verdict),
        "folds": [fold.to_dict() for fold in result.folds],
        "paths": {path.name: path.to_dict() for path in paths},
        "bundle": str(result.bundle),
        "report": str(page),
        "elapsed_s": round(result.elapsed_s, 1),
    }

    def render(console: Console) -> None:
        console.print(_folds_table(document["folds"], names_by_fold(judged.baselines)))
        _show_verdict(console, judged.verdict)
        print_fields(console, {key: document[key] for key in ("walk", "bundle", "report")})

    emit(document, as_json, render)
    return judged.verdict.better


def _told(verdict: "VerdictRecord") -> dict[str, Any]:
    from train.verdict.checks import promotion_checks

    return {
        "verdict": verdict.model_dump(mode="json", exclude={"ledger", "checks"}),
        "checks": [vars(check) for check in verdict.checks],
        "promotion_checks": [vars(check) for check in promotion_checks(verdict)],
    }


def _folds_table(folds: list[dict[str, Any]], names: list[str]) -> Any:
    rows = [
        (
            fold["fold"] + 1,
            f"{fold['test'][0]} to {fold['test'][1]}",
            fold["validation_sharpe"],
            fold["test_sharpe"],
            *(fold["baselines"][name] for name in names),
            fold["seeds"],
            fold["parameters"],
        )
        for fold in folds
    ]
    head = ("fold", "test window", "validation", "test", *names, "seeds", "parameters")
    return table(head, rows, "Sharpe ratios; validation chose")


def _show_verdict(console: Console, verdict: "VerdictRecord") -> None:
    from train.verdict.checks import promotion_checks

    for title, checks in (
        ("the verdict asks for", verdict.checks),
        ("promotion asks for, too", promotion_checks(verdict)),
    ):
        console.print(_checks_table(title, checks))
    times = "once" if verdict.readings == 1 else f"{verdict.readings} times"
    console.print(f"the test window was read {times}", markup=False)
    console.print(verdict.headline, markup=False)


def _checks_table(title: str, checks: "tuple[Check, ...]") -> Any:
    rows = [
        (
            "ok" if check.passed else "NO",
            check.name,
            "not measured" if check.value is None else f"{check.value:.4g}",
            check.needs,
            check.why,
        )
        for check in checks
    ]
    return table(("", "check", "value", "needs", ""), rows, title)


def _judge_bundle(bundle: str, choice: BarsChoice, symbols: str | None, as_json: bool) -> bool:
    from apps.cli.readers import find_bundle
    from cluster.settings import home
    from features import read_bars
    from features.bars.symbols import canonical_symbols
    from train.bundle.bundle import read_manifest
    from train.bundle.lake_bars import lake_bars
    from train.judge.unseen_bars import judge_on_bars

    chosen = canonical_symbols(symbols.split(",")) if symbols and symbols != "all" else symbols
    folder = find_bundle(home(), bundle)
    if choice.file is not None:
        bars, label, where = read_bars(choice.file), choice.file.stem, str(choice.file)
    else:
        manifest = read_manifest(folder)
        bars, label = lake_bars(home(), manifest, choice.source, all_symbols=chosen is not None)
        where = f"series {label} of the lake {home().lake}"
    talk(f"bars: {where}")
    judged = judge_on_bars(home(), folder, bars, label=label, symbols=chosen)
    for remark in judged.remarks:
        talk(f"note: {remark}")
    _print_unseen(judged, where, as_json)
    return judged.verdict.better


def _print_unseen(judged: "UnseenJudgement", bars: str, as_json: bool) -> None:
    from cluster.settings import home
    from train.report.report import write_report

    manifest = judged.report.manifest
    page = home().reports / f"{manifest.bundle_id}-on-{manifest.data.label}.html"
    write_report(page, judged.report)
    paths = [judged.report.candidate, *judged.report.baselines]
    dates = judged.report.candidate.dates()
    document = {
        "bundle": manifest.bundle_id,
        "bars": bars,
        "unseen": {"first": dates[0], "last": dates[-1], "sessions": len(dates)},
        "symbols": manifest.symbols,
        "remarks": judged.remarks,
        **_told(judged.verdict),
        "paths": {path.name: path.to_dict() for path in paths},
        "report": str(page),
    }

    def render(console: Console) -> None:
        rows = [
            (path.name, path.sharpe_ratio, *(path.to_dict()[key] for key in _SHOWN))
            for path in paths
        ]
        console.print(table(("path", "Sharpe", *_SHOWN), rows, f"{dates[0]} to {dates[-1]}"))
        _show_verdict(console, judged.verdict)
        print_fields(console, {"bundle": manifest.bundle_id, "report": page})

    emit(document, as_json, render)


_SHOWN = ("total_return", "max_drawdown", "volatility", "turnover", "exposure", "cost_drag")


@app.command("list")
def list_walks(as_json: Json = False) -> None:
    """List the walks of this home, newest first, and how to go on with interrupted ones.

    Example: ploutos judge list
    """
    from cluster.settings import home
    from train.sweep.state import sweep_state
    from train.sweep.walk_plan import WALK_PLANS

    rows = []
    for name in WALK_PLANS.names(home()):
        plan, state = WALK_PLANS.read(home(), name), sweep_state(home(), name)
        rows.append(
            {
                "walk": name,
                "state": state.standing,
                "folds": len(plan.folds),
                "trials a fold": plan.scenario().search.trials,
                "created": plan.created,
                "data": plan.label,
                "problem": plan.problem,
                "bundle": Path(state.bundle).name,
                "next": state.next_command,
            }
        )

    def render(console: Console) -> None:
        if rows:
            console.print(row_table(rows))
        else:
            console.print("no walks yet; next: ploutos judge run --scenario demo --folds 3")

    emit({"walks": rows}, as_json, render)
