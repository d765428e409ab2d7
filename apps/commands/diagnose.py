"""`ploutos diagnose`: what a bundle does well and badly."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from apps.cli.output import MAX_SEED, Json, emit, table

if TYPE_CHECKING:
    from train.diagnose.timing import Timing, TimingRow

_COLUMNS = ("", "good", "95 %", "bad", "random 95 %")

app = typer.Typer(help="Ask what a bundle does well and badly: its timing.", no_args_is_help=True)


@app.callback()
def diagnose() -> None:
    """Ask what a bundle does well and badly: its timing."""


@app.command("timing")
def timing(
    *,
    bundle: Annotated[
        str | None, typer.Option(help="Id, stage name or folder; default: the newest.")
    ] = None,
    bars: Annotated[
        Path | None, typer.Option(help="Bar file with later bars; default: its test window.")
    ] = None,
    measure: Annotated[
        Literal["band", "scaled"], typer.Option(help="Which one the table shows.")
    ] = "band",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Of slippage, random trades and bootstrap.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Compare buys and sells with what followed them, and with random trades.

    A buy is good when the mean of the next 10 closes is more than 1 % above its price (`band`), or
    more than half a standard deviation of that mean (`scaled`); a sell, when it is below.

    Example: ploutos diagnose timing --bundle champion
    """
    from apps.cli.backtests import load_model, market_for
    from cluster.settings import home

    policy = load_model(home(), bundle)
    market = market_for(home(), policy.manifest, bars)
    from envs import V6Params
    from train.backtest.evaluation import evaluate
    from train.bundle.window_reading import note_reading
    from train.bundle.windows import judged_window, unseen_window
    from train.diagnose.timing import timing as diagnosed
    from train.ledger.ledger import TrialLedger

    manifest = policy.manifest
    window = judged_window(manifest) if bars is None else unseen_window(manifest, market)
    params = V6Params.from_dict(manifest.v6_params)
    note_reading(TrialLedger(home().ledger), manifest, market, window, "timing")
    walked = evaluate(policy.act, market, params, window, seed=seed)
    found = diagnosed(walked, market, params, seed=seed)
    document = {"bundle": manifest.bundle_id, "bars": bars, **asdict(found)}
    emit(document, as_json, lambda console: _show(console, found, measure))


def _show(console: Console, found: "Timing", measure: str) -> None:
    left_out = f", {found.unresolved:,} left out" if found.unresolved else ""
    console.print(f"{found.start} to {found.end}: {found.trades:,} trades{left_out}")
    heads = ("", *(f"{side} {what}" for side in ("buys", "sells") for what in _COLUMNS))
    console.print(table(heads, _lines(found, measure)))
    for missed in found.missed:
        how = "not held" if missed.move == "rise" else "held"
        console.print(
            f"strong {missed.move}s: {missed.bars:,} asset-bars, {how} in {missed.wrong:.1%} "
            f"[{missed.low:.1%}, {missed.high:.1%}]; at all bars {missed.usual:.1%}"
        )
    for row in found.score:
        good = "-" if row.good is None else f"{row.good:.1%}"
        console.print(
            f"{row.side}s where entry_score {row.score}: {row.trades:,} ({row.share:.1%}), "
            f"good (scaled) {good}"
        )
    console.print(_answer(found))


def _lines(found: "Timing", measure: str) -> list[tuple[str, ...]]:
    """One line a group: its buys, then its sells."""
    cells: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in found.rows:
        if row.measure == measure:
            name = "all" if row.by == "all" else f"{row.by} {row.name}"
            cells.setdefault(name, {})[row.side] = _cells(row)
    nothing = ("0", "-", "-", "-", "-")
    return [
        (name, *sides.get("buy", nothing), *sides.get("sell", nothing))
        for name, sides in cells.items()
    ]


def _cells(row: "TimingRow") -> tuple[str, ...]:
    random = "-"
    if row.random_low is not None and row.random_high is not None:
        random = f"{row.random_low:.0%}..{row.random_high:.0%}"
    interval = f"{row.low:.0%}..{row.high:.0%}"
    return f"{row.trades:,}", f"{row.good:.1%}", interval, f"{row.bad:.1%}", random


def _answer(found: "Timing") -> str:
    """The original's question, answered."""
    from train.diagnose.timing import TARGET

    row = found.row("buy")
    if row is None:
        return "it never bought"
    reached = "reached" if row.good > TARGET else "not reached"
    beside = ""
    if row.random is not None and row.random_low is not None and row.random_high is not None:
        inside = row.random_low <= row.good <= row.random_high or row.low <= row.random <= row.high
        beside = ", no different from random buys" if inside else ", unlike random buys"
    return f"good buys {row.good:.1%}: the original's more than {TARGET:.0%} {reached}{beside}"
