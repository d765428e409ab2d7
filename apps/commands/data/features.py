"""`ploutos features`: the columns of a feature set and the probes for look-ahead."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from apps.cli.output import Json, emit, table, talk
from apps.commands.data.home_lake import home_lake

if TYPE_CHECKING:
    import polars as pl

_PROBED_SYMBOLS, _PROBED_BARS = 4, 1800  # of each symbol the newest: a year of hours

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
        Path | None,
        typer.Option(help="Parquet or CSV; default: some of the lake, else simulated."),
    ] = None,
    feature_set: FeatureSet = "v6",
    cuts: Annotated[int, typer.Option(min=1, help="Times to cut the bars at.")] = 4,
    as_json: Json = False,
) -> None:
    """Cut and scramble the future, cut the past: no feature may change. Exit code 1 if one does.

    Example: ploutos features check --bars bars.parquet
    """
    from features.compute.probes import probe_features
    from features.formats.read import read_bars

    probed, where = (read_bars(bars).frame, str(bars)) if bars else _bars_at_hand()
    talk(f"probing {feature_set} on {where}: {probed.height:,} bars")
    report = probe_features(probed, feature_set, cuts=cuts)
    violations = [vars(violation) for violation in report.violations]

    def render(console: Console) -> None:
        if violations:
            console.print(table(tuple(violations[0]), [tuple(row.values()) for row in violations]))
        console.print(f"{report.probes} probes, {len(violations)} violations")

    emit({"bars": where, "probes": report.probes, "violations": violations}, as_json, render)
    if violations:
        raise typer.Exit(1)


def _bars_at_hand() -> "tuple[pl.DataFrame, str]":
    """The newest bars of a few symbols of the lake; of the simulated market where it has none."""
    import polars as pl

    from features import SimulatedMarket
    from features.bars.schema import BAR_COLUMNS
    from features.lake.origins import is_simulated

    lake = home_lake()
    held = [
        row
        for row in lake.status().to_dicts()
        if row["interval"] in ("1h", "1d") and not is_simulated(row["source"])
    ]
    if not held:
        return SimulatedMarket(symbols=4, sessions=252).bars(), "the simulated market"
    longest = max(held, key=lambda row: row["bars"])
    interval, series = longest["interval"], longest["source"]
    bars = lake.scan(interval, source=series).select(BAR_COLUMNS)
    most = bars.group_by("symbol").len().sort("len", "symbol", descending=[True, False])
    chosen = most.head(_PROBED_SYMBOLS).collect()["symbol"].to_list()
    rows = bars.filter(pl.col("symbol").is_in(chosen)).group_by("symbol", maintain_order=True)
    where = f"{interval} bars of {', '.join(sorted(chosen))} in the lake ({series})"
    return rows.tail(_PROBED_BARS).collect(), where
