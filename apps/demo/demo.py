"""The main job, once: bars, features, sweep, verdict, endpoint, paper trading.

Data flows one way: the bars go into the lake, the Market into `tables`, the trials into `ledger`,
the best one into `bundles`; the endpoint serves that bundle, and the trader asks the endpoint and
writes `journal`. The app reads what these leave behind.
"""

from pathlib import Path
from typing import Any

from apps.demo import steps as demo_steps
from apps.demo.console import DemoConsole
from cluster.settings import Home


def run_demo(file: Path | None, home: Home, console: DemoConsole) -> dict[str, Any]:
    """Run the six steps and end every process they started.

    Args:
        file: Bars (Parquet or CSV); None for the simulated market.
        home: Where everything is written.
        console: Where the steps are told.

    Returns:
        The numbers of every step, fit for JSON.
    """
    from apps.cli.reports import full_report
    from serve.control import serve_down

    kind = f"bars of {file}" if file else "the simulated market: SIMULATED, no keys, no network"
    console.say(f"Ploutos demo on {kind}")
    with console.step("data") as lines:
        data = demo_steps.load_data(file, home, lines)
    with console.step("features") as lines:
        market = demo_steps.build_features(data, lines)
    with console.step("tune") as lines:
        sweep = demo_steps.tune(market, data, home, console, lines)
    with console.step("judge") as lines:
        judgement = demo_steps.judge(sweep.bundle, market, home, lines)
        report = full_report(home, home.reports / f"{sweep.plan.name}.html", judgement)
    serve_down(home)
    try:
        with console.step("serve") as lines:
            state = demo_steps.serve(sweep.bundle, home, lines)
        with console.step("paper") as lines:
            traded = demo_steps.paper(judgement, data, home, console, lines)
    finally:
        serve_down(home)
    return {
        "verdict": judgement.verdict.model_dump(mode="json"),
        "bundle": str(sweep.bundle),
        "sweep": sweep.plan.name,
        "report": str(report),
        "endpoint": state.url,
        "orders": traded.orders,
        "denials": traded.denials,
        "risk_breaches": traded.risk_breaches,
        "journal": str(traded.journal),
        "seconds": console.seconds,
    }
