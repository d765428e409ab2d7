"""Whether two downloads of one symbol have their prices on the same basis."""

from dataclasses import dataclass

import polars as pl

STEADY = 5e-4  # relative; how close ratios of closes are that one split or dividend made


@dataclass(frozen=True)
class PriceRatio:
    """The closes of two series of one symbol on the bars that both have.

    Args:
        bars: How many bars both have.
        median: Of their close divided by ours; 1.0 where no bar is common.
        steady: Share of the common bars whose ratio is the median within `STEADY`; 0.0 without any.
    """

    bars: int
    median: float
    steady: float

    @property
    def rebased(self) -> bool:
        """Whether one factor beyond `STEADY` lies between most of the common bars."""
        return abs(self.median - 1) > STEADY and self.steady > 0.5


def price_ratio(ours: pl.DataFrame, theirs: pl.DataFrame) -> PriceRatio:
    """Compare two series of one symbol by the closes of the bars that open at the same time.

    Args:
        ours: The series that is there: `ts` and `close`, every time once, prices above 0.
        theirs: Another series of the same symbol and interval.
    """
    common = ours.select("ts", "close").join(theirs.select("ts", theirs="close"), on="ts")
    if common.is_empty():
        return PriceRatio(0, 1.0, 0.0)
    ratio = common["theirs"] / common["close"]
    median = float(ratio.median())  # type: ignore[arg-type]
    steady = float(((ratio / median - 1).abs() <= STEADY).mean())  # type: ignore[arg-type]
    return PriceRatio(common.height, median, steady)
