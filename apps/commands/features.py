"""`ploutos features`: the columns of a feature set and the probes for look-ahead."""

from pathlib import Path
from typing import Annotated

import typer

from apps.output import Json, emit, table

app = typer.Typer(
    help="Show the feature columns and probe them for look-ahead.", no_args_is_help=True
)

FeatureSet = Annotated[str, typer.Option("--feature-set", help="Name of the feature set.")]


@app.command("show")
def show(feature_set: FeatureSet = "v6", as_json: Json = False) -> None:
    """List the columns of a feature set with their scales.

    Example: ploutos features show
    """
    from features.catalog import feature_fingerprint, feature_names, feature_scales, warmup_bars

    columns = list(zip(feature_names(feature_set), feature_scales(feature_set), strict=True))
    document = {
        "feature_set": feature_set,
        "fingerprint": feature_fingerprint(feature_set),
        "warmup_bars": warmup_bars(feature_set),
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
