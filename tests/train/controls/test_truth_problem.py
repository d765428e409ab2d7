"""Two tiny problems end to end: the gate that is asked is the one that promotes bundles."""

from pathlib import Path

import pytest

from cluster.settings import Home
from envs.from_bars import market_from_bars
from train.bundle.bundle import PolicyBundle
from train.controls.truth_problem import (
    Problem,
    ProblemSize,
    judge_search,
    run_problem,
    search_market,
)
from train.ledger.ledger import TrialLedger
from train.ledger.ranking import ranked

TINY = ProblemSize(symbols=4, train=500, validation=150, test=250)
GATE = (
    "damaged ledger rows",
    "deflated Sharpe",
    "overfitting (PBO)",
    "SPA p against equal_weight",
    "seeds",
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory):
    """A large edge, searched and judged in a home that stays."""
    problem = Problem(edge=16.0, seed=1, size=TINY)
    home = Home(tmp_path_factory.mktemp("truth"))
    search = search_market(market_from_bars(problem.bars()), TINY.folds, problem.seed)
    folder, promotion = judge_search(home, search)
    return home, search, folder, promotion


def test_a_market_holds_exactly_the_windows() -> None:
    bars = Problem(edge=0.0, seed=0, size=TINY).bars()

    assert bars["ts"].n_unique() == TINY.sessions == 500 + 150 + 250 + 2 * 22
    assert bars["symbol"].n_unique() == 4


def test_the_ledger_holds_twenty_trials_of_four_configurations(planted) -> None:
    home, _, folder, _ = planted
    manifest = PolicyBundle.load(folder).manifest

    records = TrialLedger(home.ledger).records(manifest.problem)

    assert len(records) == 20
    assert len({str(record.config) for record in records}) == 4
    assert {record.seed for record in records} == {0, 1, 2, 3, 4}
    assert all(len(record.test_returns) == 249 for record in records)
    assert manifest.lineage.trial == ranked(records)[0].median_trial.trial_id


def test_windows_follow_each_other_and_the_scale_is_that_of_the_first(planted) -> None:
    _, search, folder, _ = planted
    fold = search.fold

    assert fold.train.stop + 22 <= fold.validation.start
    assert fold.validation.stop + 22 <= fold.test.start
    assert fold.test.stop == search.market.num_bars
    assert PolicyBundle.load(folder).manifest.normaliser.mean == tuple(
        search.scale.to_dict()["mean"]
    )


def test_a_large_edge_is_promoted(planted) -> None:
    _, _, folder, promotion = planted

    assert [str(check) for check in promotion.failed] == []
    assert promotion.moved
    verdict = PolicyBundle.load(folder).verdict
    assert verdict is not None
    assert verdict.better
    assert verdict.trials == 20
    assert verdict.sharpe > 2.0


@pytest.fixture(scope="module")
def result():
    return run_problem(Problem(edge=0.0, seed=3, size=TINY))


def test_what_a_problem_leaves_is_what_the_gate_said(result) -> None:
    assert (result["edge"], result["seed"], result["trials"]) == (0.0, 3, 20)
    assert result["promoted"] is False
    assert "deflated Sharpe" in result["failed"]
    assert set(GATE) <= set(result["checks"])
    assert result["checks"]["seeds"] == 5.0
    assert result["best_backtest"] == pytest.approx(max(result["trial_sharpes"]), abs=1e-4)
    assert result["best_backtest"] >= result["sharpe"] - 0.2  # slippage draws differ


def test_the_same_problem_gives_the_same_numbers(result) -> None:
    again = run_problem(Problem(edge=0.0, seed=3, size=TINY))

    for name in ("sharpe", "equal_weight", "best_backtest", "checks", "trial_sharpes", "failed"):
        assert again[name] == result[name]


def test_nothing_of_a_problem_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    run_problem(Problem(edge=0.0, seed=5, size=ProblemSize(3, 450, 80, 80)))

    assert list(tmp_path.iterdir()) == []
