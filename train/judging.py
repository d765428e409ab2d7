"""From a bundle to a verdict: read the test window once, beside the baselines and every trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import BundleError, DataError
from envs import Market, V6Params
from train.baselines import baselines
from train.bundle import PolicyBundle, update_verdict
from train.evaluation import Evaluation, evaluate
from train.ledger import TrialLedger
from train.random_policies import random_policies
from train.report import ReportInput
from train.verdict import Verdict, judge

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class Judgement:
    """A verdict and the walks that it rests on."""

    bundle: PolicyBundle
    verdict: Verdict
    candidate: Evaluation
    baselines: Sequence[Evaluation]
    trials: "pl.DataFrame"  # every trial of the problem

    def report_input(self) -> ReportInput:
        """What `train.report.write_report` tells of it."""
        return ReportInput(
            verdict=self.verdict,
            candidate=self.candidate,
            baselines=self.baselines,
            trials=self.trials,
            manifest=self.bundle.manifest,
        )


def judge_bundle(folder: Path, market: Market, ledger: TrialLedger, *, seed: int = 0) -> Judgement:
    """Judge a bundle on the test window of its last fold, and write the verdict beside it.

    Args:
        folder: The bundle.
        market: The bars it was made on, with raw features.
        ledger: Where its sweep, and any other on the same problem, left their trials.
        seed: Of slippage draws and bootstrap.

    Raises:
        BundleError: the bundle is refused, or was made on other bars.
        DataError: the ledger holds no trial of its problem, or is damaged, or not whole.
    """
    bundle = PolicyBundle.load(folder, expect_symbols=market.symbols)
    manifest = bundle.manifest
    if manifest.data.fingerprint != market.fingerprint:
        raise BundleError(
            f"bundle {manifest.bundle_id} was made on other bars",
            f"data {manifest.data.fingerprint[:16]}, here {market.fingerprint[:16]}",
            "judge it on the bars it was made on, or make a bundle on these: ploutos tune run",
        )
    params = V6Params.from_dict(manifest.v6_params)
    low, high = manifest.folds[-1].test
    window = (low, high - 1)
    candidate = evaluate(bundle.act, market, params, window, seed=seed)
    others = baselines(market, params, window, seed=seed)
    rows = _whole_rows(ledger, manifest.problem)
    trials = ledger.trials(manifest.problem)
    paths = ledger.paths(manifest.problem, candidate.dates())
    verdict = judge(candidate, others, trials, paths=paths, seed=seed)
    chance = random_policies(candidate, market, params, window, seed=seed).beside(candidate)
    verdict = verdict.model_copy(update={"ledger": rows, "random": chance})
    update_verdict(folder, verdict)
    return Judgement(bundle, verdict, candidate, others, trials)


def _whole_rows(ledger: TrialLedger, problem: str) -> tuple[tuple[str, str], ...]:
    """Every trial of a whole ledger; the verdict keeps them, so that a later loss is found."""
    ledger.adopt(problem)
    faults = ledger.faults(problem)
    if faults:
        raise DataError(
            f"the ledger of problem {problem} is not whole",
            str(faults[0]),
            "restore it from a copy: without all trials, no verdict can be trusted",
        )
    return ledger.digests(problem)
