"""`ploutos model`: policy bundles."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from apps.output import Json, emit, print_fields, table

if TYPE_CHECKING:
    from apps.readers import BundleCard

app = typer.Typer(help="List, show and verify policy bundles.", no_args_is_help=True)

VERDICT_NEGATIVE = 6
BundleName = Annotated[
    str | None,
    typer.Argument(metavar="[BUNDLE]", help="Its id, the first digits of it, or its folder."),
]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the bundles of this home with their verdicts, newest first.

    Example: ploutos model list
    """
    from apps.readers import bundle_cards
    from cluster.settings import home

    rows = [_row(card) for card in bundle_cards(home())]

    def render(console: Console) -> None:
        if rows:
            console.print(table(tuple(rows[0]), [tuple(row.values()) for row in rows]))
        else:
            console.print("no bundles yet; next: ploutos demo, or ploutos tune run")

    emit({"bundles": rows}, as_json, render)


def _row(card: "BundleCard") -> dict[str, Any]:
    manifest, verdict = card.manifest, card.verdict
    return {
        "bundle": card.path.name,
        "verdict": card.badge,
        "sharpe": verdict.sharpe if verdict else None,
        "data": manifest.data.label if manifest else None,
        "scenario": manifest.scenario if manifest else None,
        "learner": manifest.learner if manifest else None,
        "created": manifest.created if manifest else None,
        "fault": card.fault,
    }


@app.command("show")
def show(bundle: BundleName = None, as_json: Json = False) -> None:
    """Show one bundle: what it was made of, its metrics and its verdict.

    Example: ploutos model show 3f2a
    """
    from apps.readers import find_bundle
    from cluster.settings import home
    from train.bundle import read_manifest, read_verdict

    folder = find_bundle(home(), bundle)
    manifest = read_manifest(folder)
    verdict = read_verdict(folder, manifest)
    document = manifest.model_dump(mode="json") | {
        "path": str(folder),
        "verdict": verdict.model_dump(mode="json") if verdict else None,
    }

    def render(console: Console) -> None:
        long = ("normaliser", "feature_names", "v6_params")
        print_fields(console, {key: document[key] for key in document if key not in long})
        console.print(f"({', '.join(long)}: --json)")

    emit(document, as_json, render)


@app.command("verify")
def verify(
    bundle: BundleName = None,
    require_better: Annotated[
        bool, typer.Option("--require-better", help="Exit 6 unless the verdict is BETTER.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every byte of a bundle against its manifest, and load its policy.

    Example: ploutos model verify 3f2a --require-better
    """
    from apps.readers import find_bundle
    from cluster.settings import home
    from train.bundle import PolicyBundle

    loaded = PolicyBundle.load(find_bundle(home(), bundle))
    label = loaded.verdict.label if loaded.verdict else "NOT JUDGED"
    reasons = list(loaded.verdict.reasons) if loaded.verdict else []
    emit(
        {
            "bundle": loaded.manifest.bundle_id,
            "whole": True,
            "files": loaded.manifest.files,
            "verdict": label,
            "reasons": reasons,
        },
        as_json,
    )
    if require_better and label != "BETTER":
        raise typer.Exit(VERDICT_NEGATIVE)
