"""What counts as one attempt: a trial of a sweep, or a configuration and seed through a walk."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import factories
from train.ledger.attempts import attempt_paths, attempt_table, attempts
from train.ledger.ledger import TrialLedger, TrialRecord
from train.ledger.names import WalkFold
from train.ledger.related_trials import tried_on
from train.stats.metrics import sharpe_ratio

Trial = Callable[..., TrialRecord]
FIRST = date(2024, 1, 2)


def returns_of(fold: int, gamma: float, seed: int, days: int = 5) -> np.ndarray:
    return np.random.default_rng([fold, int(gamma * 1000), seed]).normal(0.0, 0.01, days)


def days_of(fold: int, days: int = 5) -> list[date]:
    return [FIRST + timedelta(days=fold * 5 + day) for day in range(days)]


def a_walk(trial: Trial, name: str = "w", *, minute: int = 0, **changes: object) -> list:
    """Three folds, two configurations, two seeds."""
    return [
        trial(
            trial_id=f"{name}.fold{fold}-{gamma}-{seed}",
            sweep=f"{name}.fold{fold}",
            walk=WalkFold(name, fold),
            config={"gamma": gamma},
            seed=seed,
            test_dates=days_of(fold),
            test_returns=returns_of(fold, gamma, seed),
            validation_sharpe=float(fold),
            created=datetime(2026, 11, 22, 10, minute, tzinfo=UTC),
            **changes,
        )
        for fold in range(3)
        for gamma in (0.8, 0.9)
        for seed in (0, 1)
    ]


def test_the_folds_of_a_walk_are_one_path(trial: Trial) -> None:
    tried = attempts(a_walk(trial))

    dates = [day for fold in range(3) for day in days_of(fold)]
    paths = attempt_paths(tried, dates)
    wanted = np.concatenate([returns_of(fold, 0.8, 1) for fold in range(3)])
    assert paths.shape == (4, 15)
    np.testing.assert_array_equal(paths[1], wanted)
    row = attempt_table(tried).row(1, named=True)
    assert (row["seed"], row["test_days"], row["steps"]) == (1, 15, 150_000)
    assert row["test_sharpe"] == sharpe_ratio(wanted)
    assert row["validation_sharpe"] == 1.0  # the median of 0, 1 and 2


def test_the_same_walk_again_is_no_new_draw(trial: Trial) -> None:
    once = a_walk(trial)

    assert len(attempts(once + a_walk(trial, "again", minute=1))) == 4
    assert len(attempts(once + a_walk(trial, "again", minute=1, steps=60_000))) == 8
    assert len(attempts(once + a_walk(trial, "again", minute=1, code_version="0.2"))) == 8


def test_trials_of_a_sweep_count_one_by_one(trial: Trial) -> None:
    copies = [trial(trial_id=name) for name in "abc"]

    assert len(attempts(copies)) == 3
    assert attempt_table(attempts(copies))["trial_id"].to_list() == ["a", "b", "c"]


def test_a_sweep_named_as_a_fold_is_a_fold_of_no_walk(trial: Trial) -> None:
    records = [trial(trial_id=f"a.fold{n}-x", sweep=f"a.fold{n}", seed=0) for n in (1, 2)]

    tried = attempts(records)

    assert [attempt.walk for attempt in tried] == ["", ""]
    assert attempt_table(tried)["sweep"].to_list() == ["a.fold1", "a.fold2"]


def test_an_attempt_without_a_fold_counts_but_has_no_whole_path(trial: Trial) -> None:
    records = a_walk(trial)[:-1]

    tried = attempts(records)

    assert len(tried) == 4
    assert attempt_paths(tried, [*days_of(0), *days_of(2)]).shape == (3, 10)
    assert attempt_paths(tried, days_of(1)).shape == (4, 5)


def test_the_worst_fold_is_the_status(trial: Trial) -> None:
    records = a_walk(trial)
    failed = trial(
        **vars(records[0]) | {"status": "failed", "test_dates": (), "test_returns": np.empty(0)}
    )

    tried = attempts([failed, *records[1:]])

    assert attempt_table(tried)["status"].to_list() == ["failed", *["completed"] * 3]
    assert attempt_table(tried)["test_days"].to_list() == [10, 15, 15, 15]


@given(order=st.permutations(range(12)))
def test_the_order_of_ends_changes_nothing(order: list[int]) -> None:
    records = a_walk(factories.trial)

    tried = attempts([records[place] for place in order])

    assert [a.identity() for a in tried] == [a.identity() for a in attempts(records)]


def test_other_problems_on_the_same_bars_count(tmp_path: Path, trial: Trial) -> None:
    ledger = TrialLedger(tmp_path)
    for record in a_walk(trial, problem="00000000000000aa"):
        ledger.append(record)
    for name in "ab":
        ledger.append(trial(trial_id=name, problem="00000000000000bb"))
    ledger.append(trial(trial_id="c", problem="00000000000000cc", data_fingerprint="ee" * 32))

    tried = tried_on(ledger, "00000000000000aa", {"cd" * 32})

    assert tried.related == ("00000000000000bb",)
    assert tried.table.height == 4 + 2
    assert tried.table["trial_id"].to_list()[-2:] == ["a", "b"]
