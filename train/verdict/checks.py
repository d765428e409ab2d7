"""What decides between BETTER and NOT BETTER, and what the gate asks for besides."""

from collections.abc import Sequence

from train.bundle.verdict_record import BaselineExcess, Check, VerdictRecord

MIN_DEFLATED_SHARPE = 0.95
MIN_DAYS = 20  # sessions; fewer say nothing about a year
MAX_OVERFITTING = 0.2  # probability
MAX_SPA_P = 0.05
BEHAVIOUR = "degenerate or ruined"  # name of the check


def verdict_checks(
    deflated: float,
    excess: Sequence[BaselineExcess],
    *,
    trials: int,
    days: int,
    behaviour: str,
) -> tuple[Check, ...]:
    """All must pass for BETTER.

    Args:
        deflated: Sharpe ratio, a probability.
        excess: above each baseline.
        trials: that the ratio is deflated by.
        days: test sessions.
        behaviour: how the policy fails to be one, or its ruin, in words; empty when neither.
    """
    return (
        Check.at_least(
            "deflated Sharpe",
            deflated,
            MIN_DEFLATED_SHARPE,
            text=f"deflated Sharpe {deflated:.3f} over {trials} trial(s), "
            f"needs {MIN_DEFLATED_SHARPE:.2f}",
        ),
        *(
            Check.more_than(
                f"Sharpe above {row.baseline}, lower end of 95 %",
                row.low,
                0.0,
                why=f"{row.excess:+.2f} [{row.low:+.2f}, {row.high:+.2f}]",
                text=f"Sharpe difference to {row.baseline} {row.excess:+.2f}, 95 % interval "
                f"[{row.low:+.2f}, {row.high:+.2f}], needs its lower end above 0",
            )
            for row in excess
        ),
        Check.at_least(
            "test sessions", days, MIN_DAYS, text=f"{days} test sessions, needs {MIN_DAYS}"
        ),
        Check.at_most(BEHAVIOUR, float(bool(behaviour)), 0.0, why=behaviour, text=behaviour),
    )


def promotion_checks(verdict: VerdictRecord) -> tuple[Check, ...]:
    """What the gate asks for besides, as far as a verdict tells; it decides nothing here."""
    return (
        Check.at_most("overfitting (PBO)", verdict.overfitting, MAX_OVERFITTING),
        *(
            Check.at_most(f"SPA p against {row.baseline}", row.spa_p, MAX_SPA_P)
            for row in verdict.excess
        ),
    )
