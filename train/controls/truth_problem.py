"""One problem of `make truth`: a simulated market, a search on it, and what the real gate says.

Nothing of the judgement is repeated here: the trials go into a `TrialLedger`, the policy that
`train.ledger.ranking` chooses becomes a bundle on disk, and
`train.judge.promotion.promote` is asked.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cluster.settings import Home
from envs import Market, V6Params
from envs.from_bars import market_from_bars
from features import SimulatedMarket, feature_fingerprint
from train.backtest.evaluation import Evaluation
from train.bundle.bundle import PolicyBundle, save_bundle
from train.bundle.manifest import DataSpan, FoldSpan, Lineage, ManifestFields, Normalisation
from train.controls.truth_search import (
    SEEDS,
    LinearPolicy,
    Ridge,
    fit,
    sample_configurations,
    walk_together,
)
from train.judge.promotion import Promotion, promote
from train.ledger.code_version import code_version
from train.ledger.ledger import TrialLedger, TrialRecord, problem_id
from train.ledger.ranking import ranked
from train.ledger.record import TrialEnd
from train.market.folds import Fold, walk_forward
from train.policy.export import actor_to_onnx
from train.policy.normaliser import Normaliser
from train.scenarios.sections import Folds
from train.stats.metrics import sharpe_ratio

TRIALS_EACH = 20
LEARNER = "ridge"
_SWEEP = "truth"
_START = date(1998, 1, 2)


@dataclass(frozen=True)
class ProblemSize:
    """How much market a problem has; daily bars, sessions but for `symbols`."""

    symbols: int = 8
    train: int = 1000  # of which the features' warm-up takes 350
    validation: int = 500
    test: int = 1000  # four years: the standard error of a Sharpe ratio is 0.5

    @property
    def folds(self) -> Folds:
        """One fold of these windows."""
        return Folds(
            train_sessions=self.train,
            validation_sessions=self.validation,
            test_sessions=self.test,
        )

    @property
    def sessions(self) -> int:
        """All of them, with the purged ones between."""
        gap = self.folds.purge_bars + self.folds.embargo_sessions
        return self.train + self.validation + self.test + 2 * gap


@dataclass(frozen=True)
class Problem:
    """A market of known truth."""

    edge: float  # of `features.SimulatedMarket`; 0 for none
    seed: int
    size: ProblemSize

    @property
    def name(self) -> str:
        """Of its result file."""
        return f"edge{self.edge:g}-{self.seed}"

    def bars(self) -> pl.DataFrame:
        """Daily bars."""
        return SimulatedMarket(
            symbols=self.size.symbols,
            sessions=self.size.sessions,
            interval="1d",
            edge=self.edge,
            seed=self.seed,
            start=_START,
        ).bars()


@dataclass(frozen=True, eq=False)
class Trial:
    """One fitted policy and its two walks."""

    configuration: Ridge
    seed: int
    policy: LinearPolicy
    validation: Evaluation
    test: Evaluation

    @property
    def name(self) -> str:
        """Of its row in the ledger."""
        return f"{_SWEEP}-{self.configuration.family}-{self.seed}"


@dataclass(frozen=True, eq=False)
class Search:
    """All trials of a market, and what they share."""

    market: Market
    fold: Fold
    scale: Normaliser
    params: V6Params
    trials: Sequence[Trial]
    label: str = SimulatedMarket.label  # where the bars are from


def run_problem(problem: Problem) -> dict[str, Any]:
    """Search the market of a problem, ask the gate, and forget everything but the numbers."""
    started, busy = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="ploutos-truth-") as name:
        home = Home(Path(name))
        search = search_market(market_from_bars(problem.bars()), problem.size.folds, problem.seed)
        folder, promotion = judge_search(home, search)
        told = _told(search, folder, promotion)
    return {
        **asdict(problem),
        **told,
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - busy, 2),
    }


def search_market(market: Market, folds: Folds, seed: int) -> Search:
    """Fit 4 configurations with 5 seeds on the training window, and walk validation and test."""
    fold = walk_forward(market.session, folds)[-1]
    scale = Normaliser.fit(market.features, market.tradable, fold.train)
    tried = [(given, number) for given in sample_configurations(seed) for number in SEEDS]
    policies = [fit(market, scale, fold.train, *one) for one in tried]
    seen = scale.apply(market.features)
    actions = np.stack([policy.actions(seen) for policy in policies])  # (N, T, A)
    params = V6Params.default()
    validation, test = (
        walk_together(actions, market, params, window, seed)
        for window in (fold.validation, fold.test)
    )
    walks = zip(validation, test, strict=True)
    trials = [
        Trial(*one, policy, *both) for one, policy, both in zip(tried, policies, walks, strict=True)
    ]
    return Search(market, fold, scale, params, trials)


def judge_search(home: Home, search: Search) -> tuple[Path, Promotion]:
    """Ledger, bundle of the trial that validation chooses, and its promotion as far as it goes."""
    market = search.market
    market.save(home.tables)
    problem = problem_id(market.fingerprint, market.symbols, "1d", str(search.fold))
    records = [_record(search, trial, problem) for trial in search.trials]
    ledger = TrialLedger(home.ledger)
    for record in records:
        ledger.append(record)
    best = ranked(records)[0].median_trial.trial_id
    (chosen,) = (trial for trial in search.trials if trial.name == best)
    onnx = actor_to_onnx(chosen.policy.actor(market.num_assets), search.scale)
    folder = save_bundle(home.bundles, onnx, None, _stated(search, chosen, problem))
    return folder, promote(home, folder)


def _record(search: Search, trial: Trial, problem: str) -> TrialRecord:
    return TrialRecord(
        trial_id=trial.name,
        problem=problem,
        sweep=_SWEEP,
        scenario=_SWEEP,
        learner=LEARNER,
        seed=trial.seed,
        config=trial.configuration.to_dict(),
        status=TrialEnd.COMPLETED,
        steps=len(search.fold.train),
        validation_sharpe=trial.validation.sharpe_ratio,
        test_dates=trial.test.dates(),
        test_returns=trial.test.daily_returns,
        code_version=code_version(),
        data_fingerprint=search.market.fingerprint,
        created=datetime.now(UTC),
    )


def _stated(search: Search, trial: Trial, problem: str) -> ManifestFields:
    market = search.market
    first, last = (market.ts[index].item().replace(tzinfo=UTC) for index in (0, -1))
    return ManifestFields(
        scenario=_SWEEP,
        learner=LEARNER,
        feature_set="v6",
        feature_fingerprint=feature_fingerprint("v6"),
        feature_names=market.feature_names,
        symbols=market.symbols,
        v6_params=search.params.to_dict(),
        normaliser=Normalisation.model_validate(search.scale.to_dict()),
        data=DataSpan(
            label=search.label,
            interval="1d",
            start=first,
            end=last,
            fingerprint=market.fingerprint,
            bars=market.num_bars,
        ),
        folds=(FoldSpan(**vars(search.fold)),),
        lineage=Lineage(
            sweep=_SWEEP,
            trial=trial.name,
            seed=trial.seed,
            config=trial.configuration.to_dict(),
        ),
        metrics={"validation_sharpe": trial.validation.sharpe_ratio},
        problem=problem,
        created=datetime.now(UTC),
    )


def _told(search: Search, folder: Path, promotion: Promotion) -> dict[str, Any]:
    verdict = PolicyBundle.load(folder).verdict
    assert verdict is not None, "the gate judges what it is asked about"
    equal = next(row for row in verdict.excess if row.kind == "equal_weight")
    ratios = [sharpe_ratio(trial.test.daily_returns) for trial in search.trials]
    return {
        "trials": len(search.trials),
        "promoted": promotion.moved,
        "failed": [check.name for check in promotion.failed],
        "checks": {check.name: check.value for check in promotion.checks},
        "label": verdict.label,
        "code_version": code_version(),
        "sharpe": verdict.sharpe,
        "equal_weight": verdict.sharpe - equal.excess,
        "best_backtest": max(ratios),
        "best_validation": max(trial.validation.sharpe_ratio for trial in search.trials),
        "trial_sharpes": [round(ratio, 4) for ratio in ratios],
    }
