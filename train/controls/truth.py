"""How often the gate is wrong: `make truth`, or `python -m train.controls.truth`.

Simulated markets whose truth is known are searched with cheap policies, 20 trials each, and the
real `ploutos model promote` is asked about the chosen one (`train.controls.truth_problem`).
Without an edge, every promotion is false; with one, every refusal is a lost find. Beside it stands
what "take the best backtest" would have done.

One line a problem, its numbers kept as JSON under `PLOUTOS_HOME/truth/<code version>`: stopped and
started again, it goes on, and other code starts anew. Exit code 6 when the gate is wrong more often
than it may be.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from cluster.files import write_atomic
from train.controls.truth_problem import Problem, ProblemSize, run_problem
from train.controls.truth_summary import shortfalls, summarise, table

NOT_GOOD_ENOUGH = 6  # exit code


@dataclass(frozen=True)
class Plan:
    """Which problems are run."""

    problems: int = 200  # without an edge
    edges: tuple[float, ...] = (2.0, 4.0, 8.0)
    power_problems: int = 30  # with each of the edges
    seed: int = 0  # of the first; the others count up
    size: ProblemSize = field(default_factory=ProblemSize)

    def all(self) -> list[Problem]:
        """Every problem; those with an edge first, which would show a broken search early."""
        parts = [*((edge, self.power_problems) for edge in self.edges[::-1]), (0.0, self.problems)]
        return [
            Problem(edge, self.seed + number, self.size)
            for edge, count in parts
            for number in range(count)
        ]


def run_plan(plan: Plan, folder: Path, jobs: int = 1) -> list[dict[str, Any]]:
    """The results of all problems, in the order of the plan; those that lie in `folder` are read.

    Args:
        plan: what to run.
        folder: one JSON file a problem, written whole or not at all.
        jobs: processes.
    """
    problems = plan.all()
    missing = [problem for problem in problems if not _file(folder, problem).is_file()]
    known = len(problems) - len(missing)
    if known:
        print(f"{known} of {len(problems)} problems are in {folder} already", flush=True)
    started = time.perf_counter()
    for number, (problem, result) in enumerate(_run(missing, jobs), start=1):
        write_atomic(_file(folder, problem), json.dumps(result, indent=1).encode())
        left = (time.perf_counter() - started) / number * (len(missing) - number)
        print(
            f"{known + number}/{len(problems)} {_line(problem, result)}, {left / 60:.0f} min left"
        )
    return [json.loads(_file(folder, problem).read_bytes()) for problem in problems]


def _run(problems: list[Problem], jobs: int) -> Iterator[tuple[Problem, dict[str, Any]]]:
    """Results as they come; in this process when one is enough."""
    if jobs == 1:
        yield from ((problem, run_problem(problem)) for problem in problems)
        return
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_end_with_parent)
    try:
        asked = {pool.submit(run_problem, problem): problem for problem in problems}
        for future in as_completed(asked):
            yield asked[future], future.result()
    finally:  # after Ctrl-C too: only what runs is waited for
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker die with the process that started it; idle ones would wait for work for ever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _line(problem: Problem, result: dict[str, Any]) -> str:
    verdict = "PROMOTED" if result["promoted"] else f"refused: {', '.join(result['failed'])}"
    return (
        f"{problem.name}: Sharpe {result['sharpe']:.2f}, equal weight "
        f"{result['equal_weight']:.2f}, {verdict}; {result['seconds']:.1f} s"
    )


def _file(folder: Path, problem: Problem) -> Path:
    return folder / f"{problem.name}.json"


def main(arguments: list[str] | None = None) -> None:
    """Run what has no result yet, then print what all of it says, and write it down."""
    from cluster.settings import home
    from train.ledger.code_version import code_version

    standard = Plan()
    parser = argparse.ArgumentParser(prog="python -m train.controls.truth", description=__doc__)
    parser.add_argument("--problems", type=int, default=standard.problems, help="without an edge")
    parser.add_argument("--power-problems", type=int, default=standard.power_problems)
    parser.add_argument("--edges", type=float, nargs="+", default=standard.edges)
    parser.add_argument("--seed", type=int, default=standard.seed)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="where truth.json is written")
    given = parser.parse_args(arguments)
    plan = Plan(given.problems, tuple(given.edges), given.power_problems, given.seed)
    folder = home().root / "truth" / code_version()
    summary = summarise(run_plan(plan, folder, given.jobs), plan.seed)
    print(table(summary))
    if given.out:
        write_atomic(given.out, (json.dumps(summary, indent=2) + "\n").encode())
    missed = shortfalls(summary)
    if missed:
        print("\n".join(missed))
        raise SystemExit(NOT_GOOD_ENOUGH)


if __name__ == "__main__":
    main()
