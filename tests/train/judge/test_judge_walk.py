"""The end of a walk, made without Ray: three folds, two configurations, three seeds."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.errors import BundleError, ConfigError, UsageError
from cluster.settings import Home
from envs import Market
from train.backtest.holding import equal_weight
from train.bundle.bundle import PolicyBundle, read_verdict
from train.judge.judge_walk import fold_choices, judge_anew, judge_walk, report_of, walk_bundle
from train.judge.promotion import promote
from train.ledger.ledger import TrialLedger
from train.ledger.names import WALK_FILE, WalkFold
from train.policy.export import actor_to_onnx, actor_to_sb3_zip
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.report.report import write_report
from train.scenarios.scenario import PloutosConfig
from train.sweep.checkpoint import ONNX_FILE, ZIP_FILE, Outcome, seal
from train.sweep.plan import SWEEP_PLANS, SweepRequest, make_plan
from train.sweep.results import best_trial, record_trial, save_best, sweep_records
from train.sweep.state import finish, sweep_state
from train.sweep.tune import TunedTrial
from train.sweep.walk_plan import WALK_PLANS, WalkPlan, make_walk_plan

FOLDS, SEEDS, RATES = 3, (0, 1, 2), (1e-4, 2e-4)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def request_(
    random_market: Market, small: Callable[..., PloutosConfig], home: Home
) -> SweepRequest:
    values = small().model_dump(mode="json")
    values["folds"] |= {"count": FOLDS, "purge_bars": 7}
    values["search"] |= {"seeds": SEEDS, "trials": 6, "algorithm": "optuna"}
    config = PloutosConfig.model_validate(values)
    market = random_market.save(home.tables)
    return SweepRequest(config, market, "SIMULATED", "1h", home, name="w")


@dataclass
class Walked:
    """A walk whose folds have ended."""

    home: Home
    plan: WalkPlan

    def bundle(self) -> Path:
        return walk_bundle(self.home, self.plan)


@pytest.fixture
def walked(request_: SweepRequest, tmp_path: Path, random_market: Market) -> Walked:
    """Validation likes the first rate in fold 0, and the second in the others."""
    plan = make_walk_plan(request_)
    home = request_.home
    for fold in range(FOLDS):
        sweep = make_plan(plan.sweep_request(home, fold))
        trials = {}
        for seed in SEEDS:
            for rate in RATES:
                liked = (rate == RATES[0]) == (fold == 0)
                trial = ended(tmp_path, sweep, random_market, seed=seed, rate=rate, liked=liked)
                record_trial(home, sweep, trial)
                trials[sweep.trial_id(trial.id)] = trial
        best = best_trial(sweep, sweep_records(home, sweep))
        policy = save_best(home, sweep, trials[best.trial_id], random_market)
        finish(home, sweep.name, policy)
    return Walked(home, plan)


def ended(tmp_path: Path, sweep, market: Market, *, seed: int, rate: float, liked: bool):
    """An ended trial: a policy of random weights, its own in every trial."""
    folder = tmp_path / "checkpoints" / f"{sweep.name}-{seed}-{rate}"
    folder.mkdir(parents=True)
    Outcome(2048, 1.0, liked + seed / 10).write(folder)
    torch.manual_seed(int(rate * 1e5) + 100 * seed + 1000 * sweep.fold.index)
    actor = Actor(PolicyNet(NetworkShape(market.num_assets, market.num_features, (8,))))
    with torch.no_grad():
        for weights in actor.policy.parameters():
            weights.normal_(0.0, 0.3)
    (folder / ONNX_FILE).write_bytes(actor_to_onnx(actor, sweep.scale()))
    (folder / ZIP_FILE).write_bytes(actor_to_sb3_zip(actor, sweep.scale()))
    seal(folder)
    return TunedTrial(
        id=f"{seed}{RATES.index(rate)}",
        seed=seed,
        sampled={"learning_rate": rate},
        checkpoint=folder,
        failed=False,
        finished=True,
        is_last=True,
    )


def test_a_walk_is_one_problem_and_draws_once(request_: SweepRequest) -> None:
    plan = make_walk_plan(request_)

    sweeps = [make_plan(plan.sweep_request(request_.home, fold)) for fold in range(FOLDS)]
    assert WALK_PLANS.read(request_.home, "w") == plan
    assert plan.scenario().search.algorithm == "random"  # no guesses that differ by fold
    assert {sweep.problem for sweep in sweeps} == {plan.problem}
    assert [sweep.name for sweep in sweeps] == ["w.fold0", "w.fold1", "w.fold2"]
    assert [sweep.walk_fold for sweep in sweeps] == [WalkFold("w", fold) for fold in range(FOLDS)]
    # what is known in a fold ends before its test window
    for sweep in sweeps:
        assert sweep.fold.train.stop < sweep.fold.validation.start
        assert sweep.fold.validation.stop < sweep.fold.test.start
    assert sweeps[0].normaliser != sweeps[2].normaliser


def test_however_the_clock_is_cut_the_problem_is_the_same(request_: SweepRequest) -> None:
    values = request_.config.model_dump(mode="json")
    values["folds"] |= {"count": 2, "test_sessions": 30}
    fewer = replace(request_, config=PloutosConfig.model_validate(values), name="v")

    plans = [make_walk_plan(each) for each in (request_, fewer)]

    assert plans[0].problem == plans[1].problem
    assert [len(plan.folds) for plan in plans] == [3, 2]
    assert plans[0].folds[-1].test[1] == plans[1].folds[-1].test[1]
    # a sweep of one fold is a problem of its own, as before there were walks
    sweep = make_plan(replace(request_, name="s"))
    assert (sweep.walk, sweep.problem == plans[0].problem) == ("", False)


def test_trials_of_a_sweep_on_the_same_bars_count_for_the_walk(
    walked: "Walked", request_: SweepRequest, tmp_path: Path, random_market: Market
) -> None:
    sweep = make_plan(replace(request_, name="s"))
    record_trial(
        walked.home,
        sweep,
        ended(tmp_path, sweep, random_market, seed=0, rate=RATES[0], liked=True),
    )

    judged = judge_walk(walked.home, walked.bundle())

    assert judged.verdict.trials == 6 + 1


def test_a_population_is_refused(request_: SweepRequest) -> None:
    values = request_.config.model_dump(mode="json")
    values["search"] |= {"scheduler": "pbt", "algorithm": "random"}
    config = PloutosConfig.model_validate(values)

    with pytest.raises(ConfigError, match="cannot run a population"):
        make_walk_plan(replace(request_, config=config))

    assert not (request_.home.sweeps / "w" / WALK_FILE).exists()


def test_a_taken_name_says_how_to_go_on(request_: SweepRequest) -> None:
    make_walk_plan(request_)

    with pytest.raises(UsageError, match="exists already") as refused:
        make_walk_plan(request_)

    assert refused.value.next_command.startswith("ploutos judge run --resume w")


def test_the_newest_choice_becomes_the_bundle_with_all_folds(walked: Walked) -> None:
    folder = walked.bundle()

    manifest = PolicyBundle.load(folder).manifest
    assert folder.parent == walked.home.bundles
    assert [fold.index for fold in manifest.folds] == [0, 1, 2]
    assert manifest.folds[-1] == walked.plan.folds[-1].windows
    assert [fold.test for fold in manifest.folds] == [f.windows.test for f in walked.plan.folds]
    assert (manifest.lineage.sweep, manifest.lineage.config) == ("w.fold2", {"learning_rate": 2e-4})
    assert manifest.lineage.seed == 1  # the median of three
    assert walked.bundle() == folder
    assert [path.name for path in walked.home.bundles.iterdir()] == [folder.name]


def test_the_verdict_is_about_the_stitched_path(walked: Walked, random_market: Market) -> None:
    judged = judge_walk(walked.home, walked.bundle())

    assert judged.verdict.days == 60
    assert judged.verdict.trials == 6  # two configurations with three seeds, not eighteen rows
    assert TrialLedger(walked.home.ledger).trials(walked.plan.problem).height == 18
    assert judged.verdict.overfitting is not None
    assert len(judged.verdict.ledger) == 18
    assert read_verdict(walked.bundle(), judged.bundle.manifest) == judged.verdict
    held = [
        equal_weight(random_market, piece.params, piece.window).daily_returns
        for piece in judged.pieces
    ]
    np.testing.assert_array_equal(judged.baselines[2].daily_returns, np.concatenate(held))


def test_each_folds_choice_is_told(walked: Walked, tmp_path: Path) -> None:
    judged = judge_walk(walked.home, walked.bundle())

    choices = fold_choices(walked.home, walked.plan, judged)

    assert [choice.parameters["learning_rate"] for choice in choices] == [1e-4, 2e-4, 2e-4]
    assert [choice.validation_sharpe for choice in choices] == [1.1, 1.1, 1.1]
    assert [choice.seeds for choice in choices] == [3, 3, 3]
    page = write_report(tmp_path / "r.html", judged.report_input(choices)).read_text()
    assert "the test window was read</dt><dd>once" in page.replace("\n", "")
    assert all(str(choice.test[0]) in page for choice in choices)


def test_every_reading_is_counted_with_its_fold(walked: Walked) -> None:
    folder = walked.bundle()

    counts = [judge_walk(walked.home, folder).verdict.readings for _ in range(2)]

    rows = TrialLedger(walked.home.ledger).readings(walked.plan.problem).rows()
    assert counts == [1, 2]
    assert [row["fold"] for row in rows] == [0, 1, 2] * 2
    assert len({row["bundle"] for row in rows}) == 3
    assert [row["first"] for row in rows[:3]] == [str(f.test[0]) for f in walked.plan.folds]


def test_the_gate_measures_the_whole_walk(walked: Walked) -> None:
    folder = walked.bundle()
    judge_walk(walked.home, folder)

    refused = promote(walked.home, folder)

    values = {check.name: check.value for check in refused.checks}
    verdict = PolicyBundle.load(folder).verdict
    assert verdict is not None
    assert not refused.moved
    assert (verdict.days, verdict.readings) == (60, 2)
    assert values["seeds"] == 3
    assert values["deflated Sharpe"] == verdict.deflated_sharpe
    assert values["Sharpe at costs x2"] < verdict.sharpe


def test_a_gone_fold_is_named_by_the_gate(walked: Walked) -> None:
    folder = walked.bundle()
    judge_walk(walked.home, folder)
    shutil.rmtree(walked.home.sweeps / walked.plan.fold_sweep(1))

    refused = promote(walked.home, folder)

    assert "no policy for fold 2 of 3" in refused.checks[1].why
    with pytest.raises(BundleError, match="fold 2 of 3"):
        judge_walk(walked.home, folder)


def test_a_damaged_ledger_stops_the_verdict_before_anything_is_read(walked: Walked) -> None:
    folder = walked.bundle()
    ledger = TrialLedger(walked.home.ledger)
    next((ledger.root / walked.plan.problem).glob("w.fold0-*.parquet")).unlink()

    refused = promote(walked.home, folder)

    assert "is missing" in refused.checks[0].why
    assert ledger.readings(walked.plan.problem).rows() == []


def test_a_fold_that_has_not_ended_names_the_walk_to_go_on_with(walked: Walked) -> None:
    (walked.home.sweeps / walked.plan.fold_sweep(2) / "finished.json").unlink()

    assert sweep_state(walked.home, "w.fold2").next_command == "ploutos judge run --resume w"
    with pytest.raises(BundleError) as refused:
        walked.bundle()
    assert refused.value.next_command == "ploutos judge run --resume w"


def test_a_sweep_of_the_users_that_is_named_as_a_fold_is_judged_by_itself(
    request_: SweepRequest, tmp_path: Path, random_market: Market
) -> None:
    # given: a finished sweep called as the second fold of a walk w would be, as was possible once
    home = request_.home
    plan = make_plan(replace(request_, name="alone")).model_copy(update={"name": "w.fold1"})
    SWEEP_PLANS.write(home, plan)
    trial = ended(tmp_path, plan, random_market, seed=0, rate=RATES[0], liked=True)
    record_trial(home, plan, trial)
    folder = save_best(home, plan, trial, random_market)
    finish(home, plan.name, folder)

    # when
    judged = judge_anew(home, PolicyBundle.load(folder), occasion="verdict")

    # then: it is one window, one trial, and a thing that may be promoted
    (record,) = sweep_records(home, plan)
    assert record.walk is None
    assert (judged.verdict.days, judged.verdict.trials) == (20, 1)
    assert report_of(home, judged).folds == ()
    refused = promote(home, folder)
    assert {check.name: check.value for check in refused.checks}["seeds"] == 1
    with pytest.raises(UsageError, match="of no walk-forward"):
        judge_walk(home, folder)
