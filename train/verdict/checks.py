"""A verdict as a list of checks, each with its number and its threshold."""

from train.bundle.verdict_record import VerdictRecord
from train.verdict.promotion_gate import MAX_OVERFITTING, MAX_SPA_P, Check
from train.verdict.verdict import MIN_DAYS, MIN_DEFLATED_SHARPE


def verdict_checks(verdict: VerdictRecord) -> tuple[Check, ...]:
    """What decides between BETTER and NOT BETTER."""
    behaviour = "; ".join(r for r in verdict.reasons if r.startswith(("degenerate", "ruined")))
    return (
        _at_least("deflated Sharpe", verdict.deflated_sharpe, MIN_DEFLATED_SHARPE),
        *(
            Check(
                name=f"Sharpe above {row.baseline}, lower end of 95 %",
                value=row.low,
                needs="more than 0",
                passed=row.low > 0.0,
                short_by=max(-row.low, 0.0),
                why=f"{row.excess:+.2f} [{row.low:+.2f}, {row.high:+.2f}]",
            )
            for row in verdict.excess
        ),
        _at_least("test sessions", verdict.days, MIN_DAYS),
        _at_most("degenerate or ruined", float(bool(behaviour)), 0.0, behaviour),
    )


def promotion_checks(verdict: VerdictRecord) -> tuple[Check, ...]:
    """What the gate asks for besides, as far as a verdict tells; it decides nothing here."""
    return (
        _at_most("overfitting (PBO)", verdict.overfitting, MAX_OVERFITTING),
        *(
            _at_most(f"SPA p against {row.baseline}", row.spa_p, MAX_SPA_P)
            for row in verdict.excess
        ),
    )


def _at_least(name: str, value: float, limit: float) -> Check:
    return Check(name, value, f"at least {limit:g}", value >= limit, max(limit - value, 0.0))


def _at_most(name: str, value: float | None, limit: float, why: str = "") -> Check:
    needs = f"at most {limit:g}"
    if value is None:
        return Check(name, None, needs, False, None, "too few trials or sessions to measure it")
    return Check(name, value, needs, value <= limit, max(value - limit, 0.0), why)
