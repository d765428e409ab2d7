"""`ploutos features`: the columns of a feature set and the probes for look-ahead."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from apps.cli.output import Json, emit, table, talk

app = typer.Typer(
    help="Show the feature columns and probe them for look-ahead.", no_args_is_help=True
)

FeatureSet = Annotated[str, typer.Option("--feature-set", help="Name of the feature set.")]


@app.command("show")
def show(feature_set: FeatureSet = "v6", as_json: Json = False) -> None:
    """List the columns of a feature set with their scales.

    Example: ploutos features show
    """
    from features.compute.catalog import FeatureSet

    shown = FeatureSet.of(feature_set)
    columns = list(zip(shown.names, shown.scales, strict=True))
    document = {
        "feature_set": feature_set,
        "fingerprint": shown.fingerprint,
        "warmup_bars": shown.warmup,
        "columns": [{"name": name, "scale": scale} for name, scale in columns],
    }
    emit(
        document,
        as_json,
        lambda console: console.print(
            table(("column", "scale"), columns),
            f"{len(columns)} columns, warm-up {document['warmup_bars']} bars, "
            f"fingerprint {document['fingerprint']}",
        ),
    )


@app.command("check")
def check(
    *,
    bars: Annotated[
        Path | None, typer.Option(help="Parquet or CSV; default: a simulated market.")
    ] = None,
    feature_set: FeatureSet = "v6",
    cuts: Annotated[int, typer.Option(min=1, help="Times to cut the bars at.")] = 4,
    as_json: Json = False,
) -> None:
    """Cut and scramble the future, cut the past: no feature may change. Exit code 1 if one does.

    Example: ploutos features check --bars bars.parquet
    """
    from features import SimulatedMarket
    from features.bars.files import read_bars
    from features.compute.probes import probe_features

    probed = read_bars(bars).frame if bars else SimulatedMarket(symbols=4, sessions=252).bars()
    talk(f"probing {feature_set} on {bars or 'the simulated market'}: {probed.height:,} bars")
    report = probe_features(probed, feature_set, cuts=cuts)
    violations = [vars(violation) for violation in report.violations]

    def render(console: Console) -> None:
        if violations:
            console.print(table(tuple(violations[0]), [tuple(row.values()) for row in violations]))
        console.print(f"{report.probes} probes, {len(violations)} violations")

    emit({"probes": report.probes, "violations": violations}, as_json, render)
    if violations:
        raise typer.Exit(1)
