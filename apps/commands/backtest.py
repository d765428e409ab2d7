"""`ploutos backtest`: episodes and stress tests of a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.cli.output import MAX_SEED, Json, emit, row_table, table, talk

if TYPE_CHECKING:
    from train.bundle.stress_record import Spread, StressRecord

app = typer.Typer(
    help="Walk a bundle through episodes and stress tests it has not trained on.",
    no_args_is_help=True,
)

Model = Annotated[
    str | None,
    typer.Option("--model", help="Bundle id, stage name or folder; default: the newest."),
]


@app.command("run")
def run(
    *,
    model: Model = None,
    days: Annotated[int, typer.Option(min=2, help="Sessions an episode.")] = 90,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes at different starts.")] = 5,
    bars: Annotated[
        Path | None, typer.Option(help="Bar file with later bars; default: the bundle's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of the slippage draws.")] = 0,
    as_json: Json = False,
) -> None:
    """Walk a bundle through several episodes at different starts, after its training window.

    The result is kept for `ploutos backtest list` and `show`. What was not trained on holds the
    validation window, which chose the bundle: the column `part` says so.

    Example: ploutos backtest run --model champion --days 90 --episodes 5
    """
    from apps.cli.backtests import document_of, keep, load_model, market_for
    from cluster.settings import home

    bundle = load_model(home(), model)
    market = market_for(home(), bundle.manifest, bars)
    from train.backtest.episodes import run_episodes
    from train.bundle.window_reading import note_reading
    from train.bundle.windows import unseen_window
    from train.ledger.ledger import TrialLedger

    unseen = unseen_window(bundle.manifest, market)
    note_reading(TrialLedger(home().ledger), bundle.manifest, market, unseen, "episodes")
    found = run_episodes(bundle, market, days=days, count=episodes, seed=seed)
    if len(found.rows) < episodes:
        talk(f"only {len(found.rows)} different start(s): --days is all there is, or nearly")
    document = document_of(found) | {"bars": bars, "seed": seed}
    path = keep(home(), document)
    _emit_backtest({"backtest": path.stem, **document}, as_json)


@app.command("list")
def list_backtests(as_json: Json = False) -> None:
    """List the backtests of this home, newest first.

    Example: ploutos backtest list
    """
    from apps.cli.backtests import kept, read_kept
    from cluster.settings import home

    results = [read_kept(home(), path.stem) for path in kept(home())]
    shown = (
        *("backtest", "bundle", "days", "episodes", "profitable"),
        *("median_return", "median_sharpe", "worst_drawdown"),
    )
    rows = [{key: result[key] for key in shown} for result in results]

    def render(console: Console) -> None:
        if rows:
            console.print(table(shown, [tuple(row.values()) for row in rows]))
        else:
            console.print("no backtests yet; next: ploutos backtest run")

    emit({"backtests": rows}, as_json, render)


@app.command("show")
def show(
    name: Annotated[str | None, typer.Argument(help="As `list` names it; default: newest.")] = None,
    as_json: Json = False,
) -> None:
    """Show one backtest again.

    Example: ploutos backtest show
    """
    from apps.cli.backtests import read_kept
    from cluster.settings import home

    _emit_backtest(read_kept(home(), name), as_json)


@app.command("stress")
def stress(model: Model = None, as_json: Json = False) -> None:
    """Walk the test window with other seeds, costs, fills and starts, and split it by regime.

    The numbers are written into the bundle (`stress.json`) and into its model card.

    Example: ploutos backtest stress --model champion
    """
    from apps.cli.backtests import load_model, market_for
    from cluster.settings import home

    bundle = load_model(home(), model)
    market = market_for(home(), bundle.manifest, None)
    from train.bundle.model_card import CARD_FILE
    from train.diagnose.stress import record_stress
    from train.ledger.ledger import TrialLedger

    found = record_stress(bundle, market, TrialLedger(home().ledger))
    card = bundle.path / CARD_FILE
    document = found.model_dump(mode="json") | {"card": card}
    emit(document, as_json, lambda console: _show_stress(console, found, card))


def _emit_backtest(document: dict[str, Any], as_json: bool) -> None:
    rows = document["rows"]
    sums = {key: value for key, value in document.items() if key != "rows"}

    def render(console: Console) -> None:
        console.print(row_table(rows))
        count = round(document["profitable"] * len(rows))
        console.print(
            f"{count} of {len(rows)} episodes profitable; median return "
            f"{document['median_return']:+.2%}, median Sharpe {document['median_sharpe']:.2f}, "
            f"worst drawdown {document['worst_drawdown']:.2%}"
        )
        if document["overlap"] > 0.0:
            console.print(
                f"neighbours share up to {document['overlap']:.0%} of their sessions: "
                "they are no independent evidence"
            )
        console.print(f"kept as {document['backtest']}")

    emit(sums | {"rows": rows}, as_json, render)


def _show_stress(console: Console, found: "StressRecord", card: Path) -> None:
    from train.verdict.promotion_gate import MIN_SEEDS

    harder = [tuple(row.model_dump().values()) for row in found.harder]
    names = ("terms", "sharpe", "return", "drawdown", "equal weight")
    console.print(table(names, harder))
    console.print()
    kinds = [tuple(row.model_dump().values()) for row in found.regimes]
    console.print(table(("market", "sessions", "sharpe", "mean return", "equal weight"), kinds))
    console.print()
    others = (("seeds", found.seeds), ("starts", found.starts))
    spreads = [_spread_row(name, spread) for name, spread in others]
    console.print(table(("other", "walks", "median sharpe", "lowest", "highest"), spreads))
    trained = found.seeds.count if found.seeds else 0
    if trained < MIN_SEEDS:
        console.print(
            f"{trained} seed(s) of its configuration are in the ledger; {MIN_SEEDS} are needed: "
            "train it with more (search.seeds of the scenario)"
        )
    console.print(f"\nmodel card: {card}", markup=False)


def _spread_row(name: str, spread: "Spread | None") -> tuple[Any, ...]:
    if spread is None:
        return name, 0, None, None, None
    return name, spread.count, spread.median, spread.low, spread.high
