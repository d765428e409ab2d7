"""The end of a walk: the newest choice becomes the bundle, and the stitched path is judged."""

from pathlib import Path

import numpy as np

from cluster.errors import BundleError, UsageError
from cluster.settings import Home
from train.bundle.bundle import PolicyBundle, read_manifest, save_bundle
from train.bundle.manifest import ManifestFields
from train.bundle.windows import bundle_market
from train.judge.judge_bundle import JudgedPath, Judgement, judge_bundle, judge_path, test_piece
from train.ledger.ledger import TrialLedger
from train.ledger.names import WalkFold
from train.ledger.ranking import ranked
from train.ledger.related_trials import tried_on
from train.market.stored import open_market
from train.report.report import FoldChoice, ReportInput
from train.stats.metrics import sharpe_ratio
from train.sweep.plan import SWEEP_PLANS
from train.sweep.plan_file import resume_command
from train.sweep.results import sweep_records
from train.sweep.state import sweep_state
from train.sweep.walk_plan import WALK_PLANS, WalkPlan


def walk_bundle(home: Home, plan: WalkPlan) -> Path:
    """Make the bundle of a walk whose folds have all ended: the newest choice, and every fold.

    Doing so again gives the same bundle.

    Raises:
        BundleError: a fold's policy is missing or damaged.
    """
    folder = _policy(home, plan, len(plan.folds) - 1).path
    manifest = read_manifest(folder)
    own = {name: getattr(manifest, name) for name in ManifestFields.model_fields}
    stated = ManifestFields(**own | {"folds": tuple(fold.windows for fold in plan.folds)})
    contents = {name: (folder / name).read_bytes() for name in manifest.files}
    return save_bundle(home.bundles, contents["policy.onnx"], contents.get("sb3.zip"), stated)


def judge_walk(home: Home, folder: Path, *, seed: int = 0, occasion: str = "verdict") -> Judgement:
    """Judge a walk's bundle on the stitched test windows of its folds; the verdict goes beside it.

    Args:
        home: where the walk ran.
        folder: the bundle.
        seed: of slippage draws and bootstrap.
        occasion: what the log of readings says of this one.

    Raises:
        UsageError: the walk is not in this home.
        BundleError: a fold's policy is missing or damaged.
        DataError: the ledger is damaged, or not whole.
    """
    bundle = PolicyBundle.load(folder)
    fold = _fold_of(home, bundle)
    if fold is None:
        raise UsageError(
            f"bundle {bundle.manifest.bundle_id} is of no walk-forward in this home",
            f"the ledger has no trial {bundle.manifest.lineage.trial} of a walk",
            "ploutos judge list",
        )
    plan = WALK_PLANS.read(home, fold.walk)
    market = open_market(home.tables / plan.market, plan.fingerprint)
    policies = [_policy(home, plan, fold) for fold in range(len(plan.folds))]
    path = JudgedPath(policies, [test_piece(policy, market) for policy in policies])
    tried = tried_on(TrialLedger(home.ledger), plan.problem, {plan.fingerprint})
    return judge_path(bundle, path, tried, seed=seed, occasion=occasion)


def judge_anew(home: Home, bundle: PolicyBundle, *, occasion: str) -> Judgement:
    """Judge any bundle of this home once more: on its walk's test path, or on its one window.

    Raises:
        PloutosError: its bars are not here; or as `judge_walk` and `judge_bundle`.
    """
    if _fold_of(home, bundle):
        return judge_walk(home, bundle.path, occasion=occasion)
    market = bundle_market(home, bundle.manifest)
    return judge_bundle(bundle.path, market, TrialLedger(home.ledger), occasion=occasion)


def report_of(home: Home, judged: Judgement) -> ReportInput:
    """What a report tells of a judgement, the choices of a walk's folds included."""
    fold = _fold_of(home, judged.bundle)
    if fold is None:
        return judged.report_input()
    return judged.report_input(fold_choices(home, WALK_PLANS.read(home, fold.walk), judged))


def fold_choices(home: Home, plan: WalkPlan, judged: Judgement) -> list[FoldChoice]:
    """What was chosen in each fold, for a reader."""
    return [_choice(home, plan, fold, judged) for fold in range(len(plan.folds))]


def _choice(home: Home, plan: WalkPlan, fold: int, judged: Judgement) -> FoldChoice:
    policy = judged.policies[fold].manifest
    best = ranked(sweep_records(home, SWEEP_PLANS.read(home, plan.fold_sweep(fold))))[0]
    inside = np.isin(judged.candidate.sessions, judged.walks[fold].sessions)
    assert best.score is not None, "a chosen configuration has completed trials"
    return FoldChoice(
        fold=fold,
        test=plan.folds[fold].test,
        policy=policy.bundle_id,
        parameters=policy.lineage.config,
        seed=policy.lineage.seed,
        seeds=len({trial.seed for trial in best.completed}),
        validation_sharpe=best.score,
        test_sharpe=judged.walks[fold].sharpe_ratio,
        baselines={row.name: sharpe_ratio(row.daily_returns[inside]) for row in judged.baselines},
    )


def _fold_of(home: Home, bundle: PolicyBundle) -> WalkFold | None:
    """What the bundle's trial was a fold of, as the ledger says; its sweep's name says nothing."""
    manifest = bundle.manifest
    record = TrialLedger(home.ledger).find(manifest.problem, manifest.lineage.trial)
    return record.walk if record else None


def _policy(home: Home, plan: WalkPlan, fold: int) -> PolicyBundle:
    sweep = plan.fold_sweep(fold)
    state = sweep_state(home, sweep)
    if state.standing != "finished":
        raise BundleError(
            f"walk {plan.name} has no policy for fold {fold + 1} of {len(plan.folds)}",
            f"sweep {sweep} is {state.standing}",
            resume_command(home, plan.name),
        )
    return PolicyBundle.load(Path(state.bundle))
