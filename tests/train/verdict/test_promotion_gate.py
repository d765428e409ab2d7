"""Every condition of the gate alone can say no, and says by how much."""

from dataclasses import replace
from typing import Any

import pytest

from cluster.hash_chain import Fault
from train.bundle.verdict_record import BaselineExcess, Check, VerdictRecord
from train.verdict.checks import BEHAVIOUR
from train.verdict.promotion_gate import CostStress, Evidence, Leaks, Measured, gate_checks

VERDICT = VerdictRecord(
    label="BETTER",
    sharpe=2.0,
    sharpe_low=1.0,
    sharpe_high=3.0,
    deflated_sharpe=0.97,
    deflation_threshold=0.5,
    trials=20,
    days=252,
    overfitting=0.1,
    excess=tuple(
        BaselineExcess(baseline=name, excess=1.0, low=0.5, high=1.5, spa_p=0.01)
        for name in (
            *("flat", "buy_and_hold SPY", "equal_weight"),
            *("momentum", "volatility_target", "always_buy"),
        )
    ),
    checks=(Check.at_most(BEHAVIOUR, 0.0, 0.0),),
    reasons=(),
)
CLEAN = Leaks(fills="", normaliser="", universe="")
GOOD = Measured(
    VERDICT,
    seeds=5,
    stress=CostStress(sharpe=1.5, equal_weight=0.4),
    leaks=CLEAN,
)


def failed(**changes: Any) -> list[str]:
    checks = gate_checks(Evidence((), replace(GOOD, **changes)))
    return [str(check) for check in checks if not check.passed]


def verdict(**changes: Any) -> VerdictRecord:
    return VERDICT.model_copy(update=changes)


def test_good_evidence_passes_everything() -> None:
    checks = gate_checks(Evidence((), GOOD))

    assert all(check.passed for check in checks)
    assert all(check.short_by == 0.0 for check in checks)
    assert len({check.name for check in checks}) == len(checks) == 12


def test_the_limits_themselves_pass() -> None:
    excess = tuple(row.model_copy(update={"spa_p": 0.05}) for row in VERDICT.excess)

    assert failed(verdict=verdict(deflated_sharpe=0.95, overfitting=0.2, excess=excess)) == []


def test_a_low_deflated_sharpe() -> None:
    (told,) = failed(verdict=verdict(deflated_sharpe=0.3))

    assert told.startswith("deflated Sharpe 0.3, needs at least 0.95, short by 0.65: over 20 trial")


def test_overfitting() -> None:
    (told,) = failed(verdict=verdict(overfitting=0.5))

    assert told == "overfitting (PBO) 0.5, needs at most 0.2, short by 0.3"


def test_overfitting_that_cannot_be_measured_does_not_pass() -> None:
    (told,) = failed(verdict=verdict(overfitting=None))

    assert told.startswith("overfitting (PBO) not measured, needs at most 0.2: too few")


@pytest.mark.parametrize(("p", "told"), [(0.3, "0.3, needs"), (None, "not measured, needs")])
def test_no_more_than_equal_weight(p: float | None, told: str) -> None:
    equal = VERDICT.excess[2].model_copy(update={"spa_p": p})
    excess = (*VERDICT.excess[:2], equal, *VERDICT.excess[3:])

    (line,) = failed(verdict=verdict(excess=excess))

    assert line.startswith(f"SPA p against equal_weight {told} at most 0.05")


@pytest.mark.parametrize("missing", [0, 1, 3, 4, 5])
def test_a_missing_baseline(missing: int) -> None:
    rows = VERDICT.excess
    (told,) = failed(verdict=verdict(excess=rows[:missing] + rows[missing + 1 :]))

    name = rows[missing].kind
    assert told == f"missing baselines 1, needs at most 0, short by 1: {name}"


def test_a_degenerate_policy() -> None:
    why = "degenerate: it never traded"
    behaviour = Check.at_most(BEHAVIOUR, 1.0, 0.0, why=why, text=why)

    (told,) = failed(verdict=verdict(checks=(behaviour,)))

    assert told == f"degenerate 1, needs at most 0, short by 1: {why}"


def test_too_few_seeds() -> None:
    assert failed(seeds=1) == ["seeds 1, needs at least 5, short by 4"]


@pytest.mark.parametrize(("sharpe", "equal"), [(-0.2, -1.0), (0.0, -1.0)])
def test_nothing_left_at_doubled_costs(sharpe: float, equal: float) -> None:
    (told,) = failed(stress=CostStress(sharpe, equal))

    assert told.startswith("Sharpe at costs x2 ")


def test_no_more_than_equal_weight_at_doubled_costs() -> None:
    (told,) = failed(stress=CostStress(0.5, 0.75))

    assert told == "Sharpe above equal_weight at costs x2 -0.25, needs more than 0, short by 0.25"


@pytest.mark.parametrize(
    ("leak", "name"),
    [
        ("fills", "fills at seen prices"),
        ("normaliser", "normaliser of other bars"),
        ("universe", "symbols chosen later"),
    ],
)
def test_what_was_known_too_early(leak: str, name: str) -> None:
    (told,) = failed(leaks=replace(CLEAN, **{leak: "this is how"}))

    assert told == f"{name} 1, needs at most 0, short by 1: this is how"


def test_without_a_universe_nobody_knows_who_was_in_it() -> None:
    (told,) = failed(leaks=replace(CLEAN, universe=None))

    assert told.startswith("symbols chosen later not measured, needs at most 0: no universe says")
    assert "ploutos universe build" in told


def test_a_damaged_ledger_names_its_rows() -> None:
    faults = [Fault(n, f"trial t{n} is missing") for n in range(1, 6)]

    whole, rest = gate_checks(Evidence(faults, None, "not measured"))

    assert not whole.passed
    assert whole.value == whole.short_by == 5
    assert whole.why.startswith("row 1: trial t1 is missing; row 2:")
    assert not rest.passed
    assert str(rest) == "evidence not measured, needs a test window: not measured"
