"""From a bundle to a verdict: read its test path, beside the baselines and every trial.

The test path is one window, or those of all folds of the walk that the bundle ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import BundleError, DataError
from envs import Market, V6Params
from train.backtest.evaluation import Evaluation
from train.backtest.exposure import exposure, joined
from train.backtest.stitched import Piece, stitch, walk_at_random, walk_baselines, walk_policy
from train.bundle.bundle import PolicyBundle, update_verdict
from train.bundle.stress_record import read_stress
from train.diagnose.timing import timing_if_traded
from train.ledger.ledger import TrialLedger
from train.ledger.readings import times_read
from train.ledger.related_trials import Tried, tried_on
from train.report.report import FoldChoice, ReportInput
from train.verdict.verdict import Verdict, judge, refuse_without_trials

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
    pieces: Sequence[Piece]  # of the test path, to be walked again
    policies: Sequence[PolicyBundle]  # of the pieces
    walks: Sequence[Evaluation]  # the policies' own, piece by piece

    def report_input(self, folds: Sequence[FoldChoice] = ()) -> ReportInput:
        """What `train.report.report.write_report` tells of it; `folds` of a walk."""
        return ReportInput(
            verdict=self.verdict,
            candidate=self.candidate,
            baselines=self.baselines,
            trials=self.trials,
            manifest=self.bundle.manifest,
            folds=folds,
            stress=read_stress(self.bundle.path, self.bundle.manifest.bundle_id),
            exposure=joined(
                [
                    exposure(walk, piece.market)
                    for walk, piece in zip(self.walks, self.pieces, strict=True)
                ]
            ),
            timing=timing_if_traded(self.walks[-1], self.pieces[-1].market, self.pieces[-1].params),
        )


def judge_bundle(
    folder: Path, market: Market, ledger: TrialLedger, *, seed: int = 0, occasion: str = "verdict"
) -> Judgement:
    """Judge a bundle on the test window of its last fold, and write the verdict beside it.

    Args:
        folder: The bundle.
        market: The bars it was made on, with raw features.
        ledger: Where its sweep, and any other on the same problem, left their trials.
        seed: Of slippage draws and bootstrap.
        occasion: What the log of readings says of this one.

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
    tried = tried_on(ledger, manifest.problem, {market.fingerprint})
    path = JudgedPath([bundle], [test_piece(bundle, market)])
    return judge_path(bundle, path, tried, seed=seed, occasion=occasion)


@dataclass(frozen=True)
class JudgedPath:
    """Policies and the test windows that they walk, one after the other."""

    policies: Sequence[PolicyBundle]
    pieces: Sequence[Piece]


def test_piece(bundle: PolicyBundle, market: Market) -> Piece:
    """The policy of a bundle on the test window of its last fold."""
    fold = bundle.manifest.folds[-1]
    return Piece(
        act=bundle.act,
        policy=bundle.manifest.bundle_id,
        trial=bundle.manifest.lineage.trial,
        market=market,
        params=V6Params.from_dict(bundle.manifest.v6_params),
        window=fold.test,
        fold=fold.index,
    )


def judge_path(
    bundle: PolicyBundle, path: JudgedPath, tried: Tried, *, seed: int, occasion: str
) -> Judgement:
    """Count the reading, read the test path, and write the verdict beside the bundle.

    Raises:
        DataError: nothing was tried, or the ledger is not whole.
    """
    refuse_without_trials(tried.table)
    check_whole(tried)
    tried.log.note(piece.reading(occasion) for piece in path.pieces)
    walks = walk_policy(path.pieces, seed=seed)
    candidate, others = stitch(walks), walk_baselines(path.pieces, seed=seed)
    dates = candidate.dates()
    verdict = judge(candidate, others, tried.table, paths=tried.paths(dates), seed=seed)
    told = {
        "ledger": tried.ledger.digests(tried.problem),  # so that a later loss is found
        "random": walk_at_random(path.pieces, walks, seed=seed).beside(candidate),
        "readings": _readings(bundle, tried, dates),
    }
    verdict = verdict.model_copy(update=told)
    update_verdict(bundle.path, verdict)
    return Judgement(
        bundle=bundle,
        verdict=verdict,
        candidate=candidate,
        baselines=others,
        trials=tried.table,
        pieces=path.pieces,
        policies=path.policies,
        walks=walks,
    )


def _readings(bundle: PolicyBundle, tried: Tried, dates: Sequence[date]) -> int:
    """This reading included; the verdict that is replaced may tell of more, from another home."""
    before = bundle.verdict.readings if bundle.verdict else None
    return max(times_read(tried.logs, dates), (before or 0) + 1)


def check_whole(tried: Tried) -> None:
    """No verdict while a row of what was tried is damaged, or of how often a window was read.

    Raises:
        DataError: one is; names it.
    """
    for problem in (tried.problem, *tried.related):
        faults = tried.ledger.faults(problem)
        if faults:
            raise DataError(
                f"the ledger of problem {problem} is not whole",
                str(faults[0]),
                "restore it from a copy: without all trials, no verdict can be trusted",
            )
