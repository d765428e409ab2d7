"""What a bundle must show before it may leave the bench; pure numbers in, checks out."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.hash_chain import Fault
from train.backtest.baselines import BASELINES
from train.bundle.verdict_record import VerdictRecord
from train.verdict.verdict import MIN_DEFLATED_SHARPE

MAX_OVERFITTING = 0.2  # probability
MAX_SPA_P = 0.05
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


@dataclass(frozen=True)
class Leaks:
    """What a bundle knew too early (`train.diagnose.leaks`), in words; empty where it did not."""

    fills: str
    normaliser: str
    universe: str | None  # None: cannot be told without a universe


@dataclass(frozen=True)
class Measured:
    """What was measured on the test window."""

    verdict: VerdictRecord
    degenerate: str  # in words; empty when it is not
    seeds: int  # of completed trials with the candidate's configuration
    stress: CostStress
    leaks: Leaks


@dataclass(frozen=True)
class Evidence:
    """All that the gate looks at."""

    faults: Sequence[Fault]  # of the ledger
    measured: Measured | None
    why_not: str = ""  # why nothing could be measured


@dataclass(frozen=True)
class Check:
    """One condition and its number."""

    name: str
    value: float | None  # None: not measured
    needs: str
    passed: bool
    short_by: float | None  # how far the value is from what is needed; 0 when it passed
    why: str = ""

    def __str__(self) -> str:
        value = "not measured" if self.value is None else f"{self.value:.4g}"
        short = f", short by {self.short_by:.4g}" if self.short_by else ""
        return f"{self.name} {value}, needs {self.needs}{short}" + (
            f": {self.why}" if self.why else ""
        )


def gate_checks(evidence: Evidence) -> tuple[Check, ...]:
    """Every condition, passed or not; a bundle passes the gate when all of them do."""
    faults = evidence.faults
    named = "; ".join(str(fault) for fault in faults[:_NAMED_FAULTS])
    whole = _at_most("damaged ledger rows", len(faults), 0.0, named)
    if evidence.measured is None:
        return whole, Check("evidence", None, "a test window", False, None, evidence.why_not)
    found, verdict = evidence.measured, evidence.measured.verdict
    missing = _missing_baselines(verdict)
    above = found.stress.sharpe - found.stress.equal_weight
    trials = f"over {verdict.trials} trial(s), all that are in the ledger"
    return (
        whole,
        _at_least("deflated Sharpe", verdict.deflated_sharpe, MIN_DEFLATED_SHARPE, trials),
        _at_most("overfitting (PBO)", verdict.overfitting, MAX_OVERFITTING),
        _at_most(f"SPA p against {SPA_BASELINE}", _spa_p(verdict), MAX_SPA_P),
        _at_most("degenerate", float(bool(found.degenerate)), 0.0, found.degenerate),
        _at_least("seeds", found.seeds, MIN_SEEDS),
        _at_most("missing baselines", len(missing), 0.0, ", ".join(missing)),
        _above("Sharpe at costs x2", found.stress.sharpe, 0.0),
        _above(f"Sharpe above {SPA_BASELINE} at costs x2", above, 0.0),
        _none_of("fills at seen prices", found.leaks.fills),
        _none_of("normaliser of other bars", found.leaks.normaliser),
        _none_of("symbols chosen later", found.leaks.universe, _NO_UNIVERSE),
    )


def _at_least(name: str, value: float, limit: float, why: str = "") -> Check:
    return Check(name, value, f"at least {limit:g}", value >= limit, max(limit - value, 0.0), why)


def _above(name: str, value: float, limit: float) -> Check:
    return Check(name, value, f"more than {limit:g}", value > limit, max(limit - value, 0.0))


def _at_most(name: str, value: float | None, limit: float, why: str = "") -> Check:
    needs = f"at most {limit:g}"
    if value is None:
        return Check(name, None, needs, False, None, "too few trials or sessions to measure it")
    return Check(name, value, needs, value <= limit, max(value - limit, 0.0), why)


def _none_of(name: str, fault: str | None, unknown: str = "") -> Check:
    """A fault in words, empty where there is none; None where it cannot be looked for."""
    if fault is None:
        return Check(name, None, "at most 0", False, None, unknown)
    return _at_most(name, float(bool(fault)), 0.0, fault)


def _spa_p(verdict: VerdictRecord) -> float | None:
    rows = (row for row in verdict.excess if row.kind == SPA_BASELINE)
    return next((row.spa_p for row in rows), None)


def _missing_baselines(verdict: VerdictRecord) -> list[str]:
    present = {row.kind for row in verdict.excess}
    return [kind for kind in BASELINES if kind not in present]
