"""`ploutos bench`: what this machine does in a second."""

from pathlib import Path
from typing import Annotated

import typer

from apps.cli.output import Json, emit, talk

app = typer.Typer(
    help="Measure the environment, the features and the learners on this machine.",
    no_args_is_help=True,
)


@app.command("env")
def bench_env(
    assets: Annotated[int, typer.Option(min=1, help="A, symbols of the Market.")] = 22,
    num_envs: Annotated[int, typer.Option(min=1, help="B, environments in one batch.")] = 1024,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each is measured.")] = 3.0,
    as_json: Json = False,
) -> None:
    """Measure V6 with random actions on one core, against a plain scalar Python V6.

    Example: ploutos bench env --assets 22 --num-envs 1024 --json
    """
    from envs.bench import SCALAR_FILE
    from envs.bench import bench_env as measure

    talk(f"{num_envs:,} environments of {assets} assets, {seconds:g} s each")
    scalar = Path(__file__).resolve().parents[2] / SCALAR_FILE
    emit(measure(assets, num_envs, seconds, scalar), as_json)


@app.command("features")
def bench_features(
    symbols: Annotated[int, typer.Option(min=1, help="How many symbols.")] = 500,
    bars: Annotated[int, typer.Option(min=500, help="Hourly bars a symbol.")] = 8700,
    as_json: Json = False,
) -> None:
    """Measure the features of many symbols, one new bar, a sector scan and a Market.

    `features_speedup` is against pandas, symbol by symbol, for a third of the columns, over a 50th
    of the symbols, scaled; scan and Market are of 593 simulated symbols x 2,327 daily bars.

    Example: ploutos bench features --symbols 500 --bars 8700 --json
    """
    from envs.from_bars import market_from_bars
    from features.bench.bench_features import bench_features as measure

    talk(f"{symbols:,} symbols x {bars:,} hourly bars")
    emit(measure(symbols, bars, build_market=market_from_bars), as_json)


@app.command("train")
def bench_train(as_json: Json = False) -> None:
    """Measure the learners against RLlib as it comes and against the original's layout.

    Six figures in about five minutes; every one compares two sides in turns on this machine.

    Example: ploutos bench train --json
    """
    from train.bench.bench_train import SCALAR_FILE, Setting
    from train.bench.bench_train import bench_train as measure

    scalar = Path(__file__).resolve().parents[2] / SCALAR_FILE
    emit(measure(Setting(), talk, scalar), as_json)
