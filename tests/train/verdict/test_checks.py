"""A verdict as checks: every number beside what it needs."""

import pytest

from train.bundle.verdict_record import BaselineExcess, VerdictRecord
from train.verdict.checks import promotion_checks, verdict_checks


def verdict(**changes: object) -> VerdictRecord:
    row = BaselineExcess(baseline="equal_weight", excess=0.8, low=0.1, high=1.5, spa_p=0.03)
    fields = {
        "label": "BETTER",
        "sharpe": 2.0,
        "sharpe_low": 1.0,
        "sharpe_high": 3.0,
        "deflated_sharpe": 0.97,
        "deflation_threshold": 1.0,
        "trials": 10,
        "days": 252,
        "overfitting": 0.1,
        "excess": (row,),
        "reasons": (),
    }
    return VerdictRecord(**fields | changes)  # type: ignore[arg-type]


def test_a_better_verdict_passes_every_check() -> None:
    checks = verdict_checks(verdict())

    assert [check.name for check in checks] == [
        "deflated Sharpe",
        "Sharpe above equal_weight, lower end of 95 %",
        "test sessions",
        "degenerate or ruined",
    ]
    assert all(check.passed for check in (*checks, *promotion_checks(verdict())))


@pytest.mark.parametrize(
    ("changes", "failed", "short_by"),
    [
        ({"deflated_sharpe": 0.9}, "deflated Sharpe", 0.05),
        ({"days": 15}, "test sessions", 5.0),
        ({"reasons": ("ruined: the account fell",)}, "degenerate or ruined", 1.0),
    ],
)
def test_what_fails_says_by_how_much(
    changes: dict[str, object], failed: str, short_by: float
) -> None:
    (check,) = [one for one in verdict_checks(verdict(**changes)) if not one.passed]

    assert check.name == failed
    assert check.short_by == pytest.approx(short_by)


def test_what_was_not_measured_has_not_passed() -> None:
    overfitting, spa = promotion_checks(verdict(overfitting=None))

    assert (overfitting.passed, overfitting.value) == (False, None)
    assert (spa.passed, spa.value) == (True, 0.03)
