"""`python -m train.controls.truth`: resumable, and honest about its own uncertainty."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from places import ROOT
from train.controls.truth import Plan, main, run_plan
from train.controls.truth_problem import Problem, ProblemSize, run_problem
from train.controls.truth_summary import (
    binomial_interval,
    naive_promotes,
    shortfalls,
    summarise,
    table,
)

TINY = Plan(problems=1, edges=(12.0,), power_problems=1, seed=2, size=ProblemSize(3, 450, 80, 120))


def result(edge: float, promoted: bool, best: float = 0.5, **changes: Any) -> dict[str, Any]:
    told = {
        "edge": edge,
        "promoted": promoted,
        "failed": [] if promoted else ["deflated Sharpe"],
        "best_backtest": best,
        "equal_weight": 0.4,
        "trials": 20,
        "size": {},
        "code_version": "1",
        "cpu_seconds": 3.0,
    }
    return told | changes


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # Clopper and Pearson: 0 of n has the upper end 1 - (0.05 / 2)^(1 / n)
        (0, 200, 0.0, 1.0 - 0.025 ** (1 / 200)),
        (30, 30, 0.025 ** (1 / 30), 1.0),
        (1, 10, 0.002528579, 0.445016117),  # R: binom.test(1, 10)$conf.int
        (5, 20, 0.08657147, 0.49104587),  # R: binom.test(5, 20)$conf.int
    ],
)
def test_the_interval_is_the_exact_one(hits: int, trials: int, low: float, high: float) -> None:
    assert binomial_interval(hits, trials) == pytest.approx((low, high), abs=1e-7)


def test_rates_are_shares_of_their_own_problems() -> None:
    without = [result(0.0, promoted=number == 0, best=0.3 + 0.05 * number) for number in range(10)]
    planted = [result(4.0, promoted=number < 3, best=2.0) for number in range(4)]

    told = summarise([*planted, *without], seed=7)

    assert told["false_promotion_rate"] == 0.1
    assert told["false_promotion_rate_95"] == [0.00253, 0.44502]
    assert told["power"] == {"4": 0.75}
    assert told["power_95"]["4"] == pytest.approx(binomial_interval(3, 4), abs=1e-5)
    assert told["naive_promotion_rate"] == 0.7  # those above equal weight's 0.4
    assert told["naive_power"] == {"4": 1.0}
    assert told["naive_above_1.5_rate"] == 0.0
    assert (told["problems"], told["trials_each"], told["seed"]) == (10, 20, 7)
    assert told["blocked_by"] == {"0": {"deflated Sharpe": 9}, "4": {"deflated Sharpe": 1}}
    assert told["cpu_seconds"] == 42


def test_the_naive_rule_wants_more_than_equal_weight() -> None:
    assert naive_promotes(result(0.0, promoted=False, best=0.41))
    assert not naive_promotes(result(0.0, promoted=False, best=0.4))


@pytest.mark.parametrize(
    ("false_promotions", "found", "told"),
    [
        (1, 16, []),
        (2, 16, ["10.0% of the problems without an edge were promoted, at most 5% may be"]),
        (1, 15, ["power 75% at edge 8, needs 80%"]),
    ],
)
def test_what_must_hold_is_checked(false_promotions: int, found: int, told: list[str]) -> None:
    without = [result(0.0, promoted=number < false_promotions) for number in range(20)]
    small = [result(2.0, promoted=False) for _ in range(20)]
    large = [result(8.0, promoted=number < found) for number in range(20)]

    assert shortfalls(summarise([*without, *small, *large], seed=0)) == told


def test_the_table_has_a_line_an_edge() -> None:
    some = [result(0.0, promoted=False), result(2.0, promoted=False), result(8.0, promoted=True)]

    lines = table(summarise(some, seed=0)).splitlines()

    assert lines[2] == "| 0 | 1 | 0.0% [0.0%, 97.5%] | 100.0% [2.5%, 100.0%] |"
    assert lines[4].startswith("| 8 | 1 | 100.0% [2.5%, 100.0%] |")
    assert lines[5:] == [
        "edge 0 refused by: deflated Sharpe 1",
        "edge 2 refused by: deflated Sharpe 1",
        "edge 8 refused by: nothing",
    ]


def test_without_zero_edge_problems_their_rate_is_not_told_as_zero() -> None:
    told = summarise([result(8.0, promoted=True)], seed=0)

    assert told["false_promotion_rate"] is None
    assert "not run" in table(told)
    assert shortfalls(told) == ["no problem without an edge was run"]


class TestResuming:
    def test_what_is_there_is_not_run_again(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # given: a run of two problems, of which one is lost and the other one is marked
        first = run_plan(TINY, tmp_path)
        names = sorted(path.name for path in tmp_path.iterdir())
        (tmp_path / "edge0-2.json").unlink()
        marked = first[0] | {"sharpe": 99.0}
        (tmp_path / "edge12-2.json").write_text(json.dumps(marked))
        capsys.readouterr()

        again = run_plan(TINY, tmp_path)

        said = capsys.readouterr().out
        assert names == ["edge0-2.json", "edge12-2.json"]
        assert again[0]["sharpe"] == 99.0
        assert again[1]["checks"] == first[1]["checks"]
        assert "1 of 2 problems are in" in said
        assert "2/2 edge0-2: Sharpe" in said
        assert "0 min left" in said

    def test_half_written_results_do_not_count(self, tmp_path: Path) -> None:
        (tmp_path / ".edge0-2.json.tmp").write_text("{")

        assert len(run_plan(Plan(1, (), 0, 2, TINY.size), tmp_path)) == 1


@pytest.mark.chaos
def test_killed_it_leaves_no_worker_and_goes_on(tmp_path: Path) -> None:
    # given: a run of four problems by two workers
    command = [sys.executable, "-m", "train.controls.truth", "--edges", "8", "--jobs", "2"]
    command += ["--problems", "2", "--power-problems", "2"]
    environment = os.environ | {"PLOUTOS_HOME": str(tmp_path)}
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    first = run.stdout.readline()
    workers = children_of(run.pid)

    # when
    run.kill()
    run.wait()

    # then: the workers are gone within the problem that they were at, and nothing is run twice
    assert first.startswith("1/4 ")
    assert len(workers) >= 2
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    again = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert "of 4 problems are in" in again.stdout.splitlines()[0]
    assert len(list(tmp_path.glob("truth/*/*.json"))) == 4
    (kept,) = tmp_path.glob("truth/*/edge8-1.json")
    alone = run_problem(Problem(edge=8.0, seed=1, size=ProblemSize()))
    assert json.loads(kept.read_text())["checks"] == alone["checks"]  # whoever ran it


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_standard_plan_is_the_one_promised() -> None:
    problems = Plan().all()

    assert sum(problem.edge == 0.0 for problem in problems) == 200
    assert len({problem.edge for problem in problems}) == 4
    assert len({problem.name for problem in problems}) == len(problems)


def test_the_numbers_in_docs_hold_what_is_promised() -> None:
    """`make truth` wrote them; whoever changes the gate runs it again."""
    told = json.loads((ROOT / "docs" / "truth.json").read_text())

    assert shortfalls(told) == []
    assert (told["problems"], told["trials_each"], told["seed"]) == (200, 20, 0)
    assert len(told["power"]) == 3
    for name in ("false_promotion_rate", "naive_promotion_rate"):
        hits = round(told[name] * told["problems"])
        assert told[f"{name}_95"] == pytest.approx(binomial_interval(hits, 200), abs=1e-5)


@pytest.mark.slow
def test_the_command_writes_the_file_and_says_no_with_6(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half an edge in one problem is found by nobody: the command must not be content."""
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
    arguments = ["--problems", "1", "--power-problems", "1", "--edges", "0.5"]

    with pytest.raises(SystemExit) as refused:
        main([*arguments, "--out", str(tmp_path / "truth.json")])

    told = json.loads((tmp_path / "truth.json").read_text())
    assert refused.value.code == 6
    assert told["power"] == {"0.5": 0.0}
    assert told["problems"] == 1
    assert "power 0% at edge 0.5" in capsys.readouterr().out
