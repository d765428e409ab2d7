"""What decides a verdict as checks: every number beside what it needs, and its sentence."""

from typing import Any

import pytest

from train.bundle.verdict_record import BaselineExcess, Check, VerdictRecord
from train.verdict.checks import promotion_checks, verdict_checks

ROW = BaselineExcess(baseline="equal_weight", excess=0.8, low=0.1, high=1.5, spa_p=0.03)


def checks(**changes: Any) -> tuple[Check, ...]:
    numbers = {"deflated": 0.97, "excess": (ROW,), "trials": 10, "days": 252, "behaviour": ""}
    return verdict_checks(**numbers | changes)


def verdict(**changes: Any) -> VerdictRecord:
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
        "excess": (ROW,),
        "checks": checks(),
        "reasons": (),
    }
    return VerdictRecord(**fields | changes)


def test_a_better_verdict_passes_every_check() -> None:
    assert [check.name for check in checks()] == [
        "deflated Sharpe",
        "Sharpe above equal_weight, lower end of 95 %",
        "test sessions",
        "degenerate or ruined",
    ]
    assert all(check.passed for check in (*checks(), *promotion_checks(verdict())))


@pytest.mark.parametrize(
    ("changes", "failed", "threshold", "short_by", "told"),
    [
        (
            {"deflated": 0.9},
            "deflated Sharpe",
            0.95,
            0.05,
            "deflated Sharpe 0.900 over 10 trial(s), needs 0.95",
        ),
        (
            {"excess": (ROW.model_copy(update={"low": 0.0}),)},
            "Sharpe above equal_weight, lower end of 95 %",
            0.0,
            0.0,
            "Sharpe difference to equal_weight +0.80, 95 % interval [+0.00, +1.50], "
            "needs its lower end above 0",
        ),
        ({"days": 15}, "test sessions", 20, 5.0, "15 test sessions, needs 20"),
        (
            {"behaviour": "ruined: the account fell"},
            "degenerate or ruined",
            0.0,
            1.0,
            "ruined: the account fell",
        ),
    ],
)
def test_what_fails_says_by_how_much(
    changes: dict[str, Any], failed: str, threshold: float, short_by: float, told: str
) -> None:
    (check,) = [one for one in checks(**changes) if not one.passed]

    assert (check.name, check.threshold) == (failed, threshold)
    assert check.short_by == pytest.approx(short_by)
    assert str(check) == told


def test_what_was_not_measured_has_not_passed() -> None:
    overfitting, spa = promotion_checks(verdict(overfitting=None))

    assert (overfitting.passed, overfitting.value) == (False, None)
    assert (spa.passed, spa.value) == (True, 0.03)
