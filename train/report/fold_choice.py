"""What validation chose in one fold of a walk, and what came of it."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class FoldChoice:
    """The choice of one fold, and its Sharpe ratios (a year)."""

    fold: int  # counted from 0
    test: tuple[date, date]  # first and last session, both included
    policy: str  # bundle id
    parameters: dict[str, Any]
    seed: int  # the median one of the chosen configuration
    seeds: int  # completed ones of that configuration
    validation_sharpe: float  # their median
    test_sharpe: float
    baselines: dict[str, float]  # on the same sessions

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"test": [day.isoformat() for day in self.test]}
