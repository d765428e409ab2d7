"""Measure a bundle for the gate, and move it up a stage when it passes, or by a person's word."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster.errors import PloutosError, UsageError
from cluster.hash_chain import Fault
from cluster.settings import Home
from cluster.user import user_name
from envs import V6Params
from train.backtest.costs import with_costs
from train.backtest.holding import equal_weight
from train.backtest.stitched import Piece, stitch, walk_policy
from train.bundle.bundle import PolicyBundle, read_verdict, refresh_card
from train.bundle.override import Unproven, mark_unproven, read_unproven
from train.bundle.stages import Decision, Stage, enter, read_stages, target_stage
from train.bundle.verdict_record import Check
from train.diagnose.leaks import find_leaks
from train.diagnose.same_configuration import repetitions
from train.diagnose.stress import seed_spread
from train.judge.judge_bundle import Judgement
from train.judge.judge_walk import judge_anew
from train.ledger.ledger import TrialLedger
from train.verdict.promotion_gate import (
    COST_FACTOR,
    TARGET_VALIDATION_SHARPE,
    CostStress,
    Evidence,
    Leaks,
    Measured,
    gate_checks,
)

_RESTS = "the bundle's verdict rests on it"


@dataclass(frozen=True)
class Promotion:
    """What the gate said, and where the bundle stands after it."""

    bundle: str
    before: Stage
    wanted: Stage
    checks: tuple[Check, ...]
    beside: dict[str, Any]  # numbers that decide nothing
    moved: bool
    unproven: Unproven | None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The conditions that are not met."""
        return tuple(check for check in self.checks if not check.passed)


def promote(
    home: Home, folder: Path, *, to: Stage | None = None, override: str | None = None
) -> Promotion:
    """Measure a bundle and, when it passes, write its next stage down.

    Args:
        home: of the ledger, the market and the log of stages.
        folder: the bundle, in the home's `bundles`.
        to: the stage wanted; the next one by default.
        override: a person's reason to let it pass all the same. Where the gate says no, the
            bundle is marked UNPROVEN for ever; where it says yes, the reason is not needed.

    Raises:
        UsageError: `to` is not the next stage, or the reason is blank.
        BundleError: the bundle is refused.
    """
    if override is not None and not override.strip():
        raise UsageError(
            "an override needs a reason", "", "ploutos model promote --override --reason '...'"
        )
    bundle = PolicyBundle.load(folder)
    name = bundle.manifest.bundle_id
    stages = read_stages(home)
    wanted = target_stage(stages, name, to)
    checks = gate_checks(gather_evidence(home, bundle))
    failed = tuple(str(check) for check in checks if not check.passed)
    moved = not failed or override is not None
    if failed and override is not None:
        mark = Unproven(
            bundle_id=name, reason=override, who=user_name(), at=datetime.now(UTC), failed=failed
        )
        mark_unproven(folder, mark)
        refresh_card(folder)
    if moved:
        decision = Decision(
            bundle=name,
            stage=wanted,
            action="override" if failed else "promote",
            why=override if failed and override else "passed the gate",
            who=user_name(),
            numbers={check.name: check.value for check in checks},
        )
        enter(home, decision, before=stages.of(name))
    return Promotion(
        bundle=name,
        before=stages.of(name),
        wanted=wanted,
        checks=checks,
        beside=_beside(home, bundle),
        moved=moved,
        unproven=read_unproven(folder, name),
    )


def gather_evidence(home: Home, bundle: PolicyBundle) -> Evidence:
    """Check the ledger, then walk the test window again: as it was, and with doubled costs."""
    ledger, problem = TrialLedger(home.ledger), bundle.manifest.problem
    ledger.adopt(problem)
    faults = ledger.faults(problem) or _lost_since_verdict(ledger, bundle)
    if faults:
        return Evidence(faults, None, "the ledger is not whole, so nothing else was measured")
    try:
        return Evidence((), _measure(home, bundle, ledger))
    except PloutosError as error:
        return Evidence((), None, f"{error.what}: {error.why}" if error.why else error.what)


def _lost_since_verdict(ledger: TrialLedger, bundle: PolicyBundle) -> list[Fault]:
    """Trials that the bundle's verdict rests on: a ledger written anew without one is found."""
    verdict = read_verdict(bundle.path, bundle.manifest)
    now = dict(ledger.digests(bundle.manifest.problem))
    return [
        Fault(row, f"trial {trial} {'was changed' if trial in now else 'is missing'}: {_RESTS}")
        for row, (trial, digest) in enumerate(verdict.ledger if verdict else (), start=1)
        if now.get(trial) != digest
    ]


def _measure(home: Home, bundle: PolicyBundle, ledger: TrialLedger) -> Measured:
    judgement = judge_anew(home, bundle, occasion="promotion")
    policies = [policy.manifest for policy in judgement.policies]
    return Measured(
        verdict=judgement.verdict,
        seeds=min(len({record.seed for record in repetitions(ledger, one)}) for one in policies),
        stress=_stress(judgement.pieces),
        leaks=_leaks(judgement, home.universe),
    )


def _stress(pieces: Sequence[Piece]) -> CostStress:
    def dearer(params: V6Params) -> V6Params:
        return with_costs(params, COST_FACTOR)

    dear = stitch(walk_policy(pieces, change=dearer))
    held = [equal_weight(one.market, dearer(one.params), one.window) for one in pieces]
    return CostStress(dear.sharpe_ratio, stitch(held).sharpe_ratio)


def _leaks(judgement: Judgement, universe: Path) -> Leaks:
    """The first of each kind, in the folds from the oldest on."""
    found = [
        find_leaks(policy, piece.market, walk, universe)
        for policy, piece, walk in zip(
            judgement.policies, judgement.pieces, judgement.walks, strict=True
        )
    ]

    def first(kind: str) -> str:
        return next((fault for one in found if (fault := getattr(one, kind))), "")

    return Leaks(first("fills"), first("normaliser"), first("universe"))


def _beside(home: Home, bundle: PolicyBundle) -> dict[str, Any]:
    manifest = bundle.manifest
    beside: dict[str, Any] = {
        "validation_sharpe": manifest.metrics.get("validation_sharpe"),
        "original_target": f"more than {TARGET_VALIDATION_SHARPE:g} on validation",
    }
    try:
        seeds = seed_spread(TrialLedger(home.ledger), bundle)
    except PloutosError:  # the ledger is damaged: the checks say so
        return beside
    verdict = read_verdict(bundle.path, manifest)
    if verdict is not None and verdict.random is not None:
        beside["share_of_random_policies_below"] = verdict.random.quantile
    if seeds is not None:
        beside["seeds_sharpe_median"] = seeds.median
        beside["seeds_sharpe_spread"] = seeds.high - seeds.low
    return beside
