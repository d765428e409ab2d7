"""The gate finds a planted edge, and says no to the same bars in a shuffled order."""

from pathlib import Path

import polars as pl
import pytest

from cluster.settings import Home
from envs.from_bars import market_from_bars
from features.simulated.shuffled import shuffled_bars
from train.bundle.bundle import PolicyBundle
from train.bundle.verdict_record import VerdictRecord
from train.controls.truth_problem import Problem, ProblemSize, judge_search, search_market
from train.judge.promotion import Promotion

SIZE = ProblemSize(symbols=4, train=700, validation=150, test=400)


@pytest.fixture(scope="module")
def planted() -> pl.DataFrame:
    return Problem(edge=16.0, seed=3, size=SIZE).bars()


def asked(bars: pl.DataFrame, root: Path) -> tuple[VerdictRecord, Promotion]:
    """Search the bars with 20 cheap trials and ask for the promotion of the chosen one."""
    search = search_market(market_from_bars(bars), SIZE.folds, seed=3)
    folder, promotion = judge_search(Home(root), search)
    verdict = PolicyBundle.load(folder).verdict
    assert verdict is not None
    return verdict, promotion


def test_a_planted_edge_is_found_and_promoted(planted: pl.DataFrame, tmp_path: Path) -> None:
    verdict, promotion = asked(planted, tmp_path)

    assert verdict.label == "BETTER"
    assert [str(check) for check in promotion.failed] == []
    assert promotion.moved


def test_shuffled_returns_fail_the_gate(planted: pl.DataFrame, tmp_path: Path) -> None:
    """The very moves that held the edge, in an order that holds none."""
    verdict, promotion = asked(shuffled_bars(planted, seed=1), tmp_path)

    assert verdict.label == "NOT BETTER"
    assert not promotion.moved
    failed = {check.name for check in promotion.failed}
    assert {"deflated Sharpe", "SPA p against equal_weight"} <= failed
