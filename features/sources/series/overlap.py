"""Whether another source has the same series: what both say about the same bars."""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from features.bars.checks import interval_of
from features.bars.intervals import INTERVALS

TOLERANCE = 0.01  # relative; more than rounding and another closing print explain
ENOUGH = 5  # bars in common that prove something
MUCH_BETTER = 5  # times closer that returns have to be at other times, to blame the clock
SAME_UNIT = 1.5  # ratio of volumes up to which they count the same thing
_PRICES = ("open", "high", "low", "close")
_SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 1.5)


@dataclass(frozen=True)
class Comparison:
    """Two sources on the bars they both have.

    Args:
        bars: How many.
        worst: The largest relative difference of a close.
        reason: Why they are not the same series; "" when they are.
    """

    bars: int
    worst: float
    reason: str

    @property
    def equal(self) -> bool:
        """Whether bars of one may join the other's series."""
        return not self.reason


def compare(
    ours: pl.DataFrame, theirs: pl.DataFrame, interval: str, enough: int = ENOUGH
) -> Comparison:
    """Compare bars of one symbol from two sources.

    Interval, session and time zone must be the same: both must have the same opening times. No
    close may differ by more than `TOLERANCE`, nor opens, highs and lows by their median (single
    prints differ between feeds), and volume must be in the same unit.

    Args:
        ours: The series that is there.
        theirs: What may join it, of the same stretch of time.
        interval: Of the series.
        enough: Bars in common that are needed.
    """
    common = ours.join(theirs, on="ts", suffix="_theirs").sort("ts")
    if common.height < enough:
        why = _why_apart(ours, theirs, interval)
        count = f"{common.height} of {ours.height} bars are in common, {enough} are needed"
        return Comparison(common.height, 0.0, f"{why}; {count}")
    ratio = common.select(
        "ts", **{name: pl.col(f"{name}_theirs") / pl.col(name) for name in _PRICES}
    )
    worst = float((ratio["close"] - 1).abs().max())  # type: ignore[arg-type]
    reason = (
        _zone_reason(ours, theirs, interval) or _price_reason(ratio, worst) or volume_reason(common)
    )
    return Comparison(common.height, worst, reason)


def _price_reason(ratio: pl.DataFrame, worst: float) -> str:
    if worst > TOLERANCE:
        return _close_reason(ratio, worst)
    for name in _PRICES:
        off = float((ratio[name] - 1).abs().median())  # type: ignore[arg-type]
        if off > TOLERANCE:
            return f"{name} differs by {off:.2%} in the median (limit {TOLERANCE:.0%})"
    return ""


def _close_reason(ratio: pl.DataFrame, worst: float) -> str:
    close = ratio["close"]
    typical = float(close.median())  # type: ignore[arg-type]
    spread = float((close / typical - 1).abs().max())  # type: ignore[arg-type]
    at = ratio.sort((pl.col("close") - 1).abs())["ts"][-1]
    text = (
        f"close differs by up to {worst:.2%} (limit {TOLERANCE:.0%}) at {at:%Y-%m-%d %H:%M} UTC, "
        f"ratio {typical:.4g} in the median of {ratio.height} bars"
    )
    if spread < TOLERANCE and any(
        abs(typical * factor - 1) < TOLERANCE for s in _SPLITS for factor in (s, 1 / s)
    ):
        return f"adjustment: {text}, that of a split"
    return text if spread > TOLERANCE else f"adjustment: {text}, the same all along"


def volume_reason(common: pl.DataFrame) -> str:
    """Whether two volumes count other things; `volume` and `volume_theirs` of common bars."""
    traded = common.filter(pl.col("volume") > 0, pl.col("volume_theirs") > 0)
    if traded.is_empty():
        return ""
    ratio = float((traded["volume_theirs"] / traded["volume"]).median())  # type: ignore[arg-type]
    if 1 / SAME_UNIT <= ratio <= SAME_UNIT:
        return ""
    return f"volume unit: theirs is {ratio:.4g} times ours in the median of {traded.height} bars"


def _why_apart(ours: pl.DataFrame, theirs: pl.DataFrame, interval: str) -> str:
    if theirs.is_empty():
        return "it has no bars where the series ends"
    their_interval = interval_of(theirs) if theirs.height > 1 else interval
    if their_interval != interval:
        return f"interval: theirs is {their_interval}, ours {interval}"
    minutes = [sorted(bars["ts"].dt.minute().unique()) for bars in (ours, theirs)]
    if INTERVALS[interval] >= timedelta(hours=1) and minutes[0] != minutes[1]:
        starts = [", ".join(f":{minute:02d}" for minute in each) for each in minutes]
        return f"session: their bars start at {starts[1]}, ours at {starts[0]}"
    return _zone_reason(ours, theirs, interval) or "too few to compare"


def _zone_reason(ours: pl.DataFrame, theirs: pl.DataFrame, interval: str) -> str:
    hours = _shift(ours, theirs, interval)
    return f"time zone: their times are {hours:+d} h off" if hours else ""


def _shift(ours: pl.DataFrame, theirs: pl.DataFrame, interval: str) -> int:
    """Hours that their times are off by: where the returns agree best, if that is much better."""
    step, reach = (24, 3) if interval == "1d" else (1, 14)
    ours, theirs = _returns(ours), _returns(theirs)
    off_at: dict[int, float] = {}
    for hours in range(-reach * step, (reach + 1) * step, step):
        moved = theirs.with_columns(pl.col("ts") - timedelta(hours=hours))
        common = ours.join(moved, on="ts", suffix="_theirs")
        if common.height > min(ours.height, theirs.height) / 2:
            off = (common["return"] - common["return_theirs"]).abs().median()
            off_at[hours] = float(off)  # type: ignore[arg-type]
    best = min(off_at, key=lambda hours: (off_at[hours], abs(hours)), default=0)
    clear = off_at.get(0, TOLERANCE) > MUCH_BETTER * off_at.get(best, TOLERANCE)
    return best if clear else 0


def _returns(bars: pl.DataFrame) -> pl.DataFrame:
    returns = bars.sort("ts").select("ts", **{"return": pl.col("close").log().diff()})
    return returns.drop_nulls()
