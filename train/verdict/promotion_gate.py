"""What a bundle must show before it may leave the bench; pure numbers in, checks out."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.hash_chain import Fault
from train.backtest.baselines import BASELINES
from train.bundle.verdict_record import Check, VerdictRecord
from train.verdict.checks import BEHAVIOUR, MAX_OVERFITTING, MAX_SPA_P, MIN_DEFLATED_SHARPE

SPA_BASELINE = "equal_weight"
MIN_SEEDS = 5  # completed trials of the same configuration, each with a seed of its own
COST_FACTOR = 2.0
TARGET_VALIDATION_SHARPE = 1.5  # the original's; reported, never required
_NAMED_FAULTS = 3
_NO_UNIVERSE = (
    "no universe says who was in the index then: ploutos universe build, or "
    "ploutos universe import --membership FILE --constituents FILE"
)


@dataclass(frozen=True)
class CostStress:
    """Sharpe ratios a year on the test window with every cost doubled."""

    sharpe: float
    equal_weight: float

    @property
    def above(self) -> float:
        """The difference of both."""
        return self.sharpe - self.equal_weight


@dataclass(frozen=True)
class Leaks:
    """What a bundle knew too early (`train.diagnose.leaks`), in words; empty where it did not."""

    fills: str
    normaliser: str
    universe: str | None  # None: cannot be told without a universe


@dataclass(frozen=True)
class Measured:
    """What was measured on the test window."""

    verdict: VerdictRecord  # with its checks
    seeds: int  # of completed trials with the candidate's configuration
    stress: CostStress
    leaks: Leaks


@dataclass(frozen=True)
class Evidence:
    """All that the gate looks at."""

    faults: Sequence[Fault]  # of the ledger
    measured: Measured | None
    why_not: str = ""  # why nothing could be measured


def gate_checks(evidence: Evidence) -> tuple[Check, ...]:
    """Every condition, passed or not; a bundle passes the gate when all of them do."""
    faults = evidence.faults
    named = "; ".join(str(fault) for fault in faults[:_NAMED_FAULTS])
    whole = Check.at_most("damaged ledger rows", len(faults), 0.0, why=named)
    if evidence.measured is None:
        return whole, _unmeasured("evidence", "a test window", evidence.why_not)
    found, verdict = evidence.measured, evidence.measured.verdict
    missing = _missing_baselines(verdict)
    behaviour = next(check for check in verdict.checks if check.name == BEHAVIOUR)
    trials = f"over {verdict.trials} trial(s), all that are in the ledger"
    return (
        whole,
        Check.at_least("deflated Sharpe", verdict.deflated_sharpe, MIN_DEFLATED_SHARPE, why=trials),
        Check.at_most("overfitting (PBO)", verdict.overfitting, MAX_OVERFITTING),
        Check.at_most(f"SPA p against {SPA_BASELINE}", _spa_p(verdict), MAX_SPA_P),
        Check.at_most("degenerate", behaviour.value, 0.0, why=behaviour.why),
        Check.at_least("seeds", found.seeds, MIN_SEEDS),
        Check.at_most("missing baselines", len(missing), 0.0, why=", ".join(missing)),
        Check.more_than("Sharpe at costs x2", found.stress.sharpe, 0.0),
        Check.more_than(f"Sharpe above {SPA_BASELINE} at costs x2", found.stress.above, 0.0),
        _none_of("fills at seen prices", found.leaks.fills),
        _none_of("normaliser of other bars", found.leaks.normaliser),
        _none_of("symbols chosen later", found.leaks.universe, _NO_UNIVERSE),
    )


def _none_of(name: str, fault: str | None, unknown: str = "") -> Check:
    """A fault in words, empty where there is none; None where it cannot be looked for."""
    if fault is None:
        return _unmeasured(name, "at most 0", unknown)
    return Check.at_most(name, float(bool(fault)), 0.0, why=fault)


def _unmeasured(name: str, needs: str, why: str) -> Check:
    return Check(
        name=name, value=None, threshold=None, needs=needs, passed=False, short_by=None, why=why
    )


def _spa_p(verdict: VerdictRecord) -> float | None:
    rows = (row for row in verdict.excess if row.kind == SPA_BASELINE)
    return next((row.spa_p for row in rows), None)


def _missing_baselines(verdict: VerdictRecord) -> list[str]:
    present = {row.kind for row in verdict.excess}
    return [kind for kind in BASELINES if kind not in present]
