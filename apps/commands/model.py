"""`ploutos model`: policy bundles."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from apps.cli.output import Json, emit, print_fields, row_table, table

if TYPE_CHECKING:
    from apps.cli.readers import BundleCard
    from train.bundle.stages import Stages
    from train.judge.promotion import Promotion

app = typer.Typer(help="List, show, verify and promote policy bundles.", no_args_is_help=True)

VERDICT_NEGATIVE = 6
BundleName = Annotated[
    str | None,
    typer.Argument(metavar="[BUNDLE]", help="Its id, the first digits of it, or its folder."),
]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the bundles of this home with their verdicts and stages, newest first.

    Example: ploutos model list
    """
    from apps.cli.readers import bundle_cards
    from cluster.settings import home
    from train.bundle.stages import read_stages

    stages = read_stages(home())
    rows = [_row(card, stages) for card in bundle_cards(home())]

    def render(console: Console) -> None:
        if rows:
            console.print(row_table(rows))
        else:
            console.print("no bundles yet; next: ploutos demo, or ploutos tune run")

    emit({"bundles": rows}, as_json, render)


def _row(card: "BundleCard", stages: "Stages") -> dict[str, Any]:
    from train.bundle.override import UNPROVEN

    name = card.path.name
    manifest, verdict = card.manifest, card.verdict
    return {
        "bundle": name,
        "stage": stages.of(name),
        "unproven": name in stages.overridden or (card.path / UNPROVEN.file).exists(),
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
    """Show one bundle: what it was made of, its metrics, its verdict and where its card is.

    Example: ploutos model show 3f2a
    """
    from apps.cli.readers import find_bundle
    from cluster.settings import home
    from train.bundle.bundle import read_manifest, read_verdict
    from train.bundle.model_card import CARD_FILE
    from train.bundle.override import read_unproven
    from train.bundle.stages import read_stages

    folder = find_bundle(home(), bundle)
    manifest = read_manifest(folder)
    verdict = read_verdict(folder, manifest)
    mark = read_unproven(folder, manifest.bundle_id)
    document = manifest.model_dump(mode="json") | {
        "path": str(folder),
        "card": folder / CARD_FILE if (folder / CARD_FILE).exists() else None,
        "stage": read_stages(home()).of(manifest.bundle_id),
        "unproven": mark.model_dump(mode="json") if mark else None,
        "verdict": verdict.model_dump(mode="json") if verdict else None,
    }

    def render(console: Console) -> None:
        long = ("normaliser", "feature_names", "v6_params")
        shown = {key: document[key] for key in document if key not in long}
        without = {"ledger"}  # one line a trial
        shown["verdict"] = verdict.model_dump(exclude=without) if verdict else None
        print_fields(console, shown)
        console.print(f"({', '.join(long)}, trials of the ledger: --json)")

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
    from apps.cli.readers import find_bundle
    from cluster.settings import home
    from train.bundle.bundle import PolicyBundle

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


@app.command("promote")
def promote(
    bundle: BundleName = None,
    to: Annotated[
        Literal["shadow", "champion"] | None, typer.Option(help="Default: the next stage.")
    ] = None,
    override: Annotated[
        bool, typer.Option("--override", help="Let it pass all the same; marks it UNPROVEN.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, in writing; for --override.")] = "",
    as_json: Json = False,
) -> None:
    """Move a bundle from candidate to shadow, or from shadow to champion, if it passes the gate.

    Exit code 6, and nothing moved, when it does not: each number says by how much it is short.

    Example: ploutos model promote 3f2a --to shadow
    """
    from apps.cli.readers import find_bundle
    from cluster.errors import UsageError
    from cluster.settings import home
    from train.judge import promotion

    if reason and not override:
        raise UsageError("--reason goes with --override", "", "add --override, or leave it out")
    found = promotion.promote(
        home(), find_bundle(home(), bundle), to=to, override=reason if override else None
    )
    emit(_promoted(found), as_json, lambda console: _show_promotion(console, found))
    if not found.moved:
        raise typer.Exit(VERDICT_NEGATIVE)


def _promoted(found: "Promotion") -> dict[str, Any]:
    return {
        "bundle": found.bundle,
        "promoted": found.moved,
        "from": found.before,
        "to": found.wanted,
        "checks": [vars(check) for check in found.checks],
        "beside": found.beside,
        "unproven": found.unproven.model_dump(mode="json") if found.unproven else None,
    }


def _show_promotion(console: Console, found: "Promotion") -> None:
    rows = [
        ("ok" if check.passed else "NO", check.name, check.value, check.needs, check.short_by)
        for check in found.checks
    ]
    console.print(table(("", "check", "value", "needs", "short by"), rows))
    for check in found.failed:
        console.print(f"failed: {check}", markup=False)
    print_fields(console, found.beside)
    console.print(_outcome(found), markup=False)


def _outcome(found: "Promotion") -> str:
    mark = f"; UNPROVEN: {found.unproven.reason}" if found.unproven else ""
    if not found.moved:
        return f"REFUSED: bundle {found.bundle} stays {found.before}{mark}"
    return f"bundle {found.bundle}: {found.before} -> {found.wanted}{mark}"


@app.command("rollback")
def rollback(
    reason: Annotated[str, typer.Option(help="Why; kept in the log of stages.")] = "",
    as_json: Json = False,
) -> None:
    """Make the previous champion champion again; the present one is retired.

    An endpoint that runs goes on with its bundle: end it and start it again.

    Example: ploutos model rollback --reason "drawdown over 10 %"
    """
    from cluster.settings import home
    from train.bundle.stages import roll_back

    champion, retired = roll_back(home(), reason)
    emit({"champion": champion, "retired": retired}, as_json)
