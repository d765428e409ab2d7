"""What the source of a series says of its past now, and what of it may be written over."""

from dataclasses import dataclass, replace
from math import log

import polars as pl

from features.bars.rebase import STEADY, price_ratio
from features.bars.schema import BAR_COLUMNS, PRICE_COLUMNS
from features.sources.series.overlap import TOLERANCE, volume_reason

EDGE = 20  # common bars that decide whether the past has changed
_SEVERAL = 3  # fewer of them tell nothing
_TRADED = 10  # provisional volumes may be those of a whole day
_COVERED = 0.99  # share of the stored sessions, and of their bars, that has to come back


@dataclass(frozen=True)
class Revision:
    """An answer of a series' own source, held against what is stored.

    Args:
        bars: New bars, and those that correct stored ones.
        new: How many of them are new.
        kept: Stored bars that differ by more than a correction would: they stay.
        factor: What the source multiplies the whole past with now; None: nothing.
        reason: Why the answer is not of this series; "" when it is.
    """

    bars: pl.DataFrame
    new: int
    kept: pl.DataFrame
    factor: float | None = None
    reason: str = ""


def revise(stored: pl.DataFrame, answer: pl.DataFrame, *, any_size: bool = False) -> Revision:
    """Judge an answer by the bars that it has in common with the series.

    A correction changes no close by more than `TOLERANCE`; volume may change as it likes, as long
    as most bars keep theirs. Nothing of an answer is used that tells the whole past differently.

    Args:
        stored: Bars of one symbol around those that came, `BAR_SCHEMA`.
        answer: What came, `BAR_SCHEMA`.
        any_size: Take corrections of any size.
    """
    edge = stored.join(answer, on="ts", how="semi").sort("ts").tail(EDGE)
    ratio = price_ratio(edge, answer)
    several = ratio.bars >= _SEVERAL
    common = edge.join(answer, on="ts", suffix="_theirs")
    nothing = Revision(answer.clear(), 0, stored.clear())
    if several and ratio.rebased:
        return replace(nothing, factor=ratio.median)
    off = abs(ratio.median - 1)
    if several and off > TOLERANCE:
        reason = f"close differs by {off:.2%} in the median of {ratio.bars} bars"
        return replace(nothing, reason=reason)
    reason = volume_reason(common) if ratio.bars >= _TRADED else ""
    if reason:
        return replace(nothing, reason=reason)
    both = stored.join(answer, on="ts", suffix="_theirs")
    if common.is_empty() and stored.height:
        return replace(nothing, reason="none of the bars beside it came back")
    far = (pl.col("close_theirs") / pl.col("close") - 1).abs() > TOLERANCE
    kept = both.filter(far & (not any_size)).select(stored.columns)
    part = price_ratio(kept, answer)
    if part.bars >= _SEVERAL and part.rebased:  # as after a split that was rebased days late
        return replace(nothing, factor=part.median)
    if 2 * kept.height > both.height:
        share = f"{kept.height} of {both.height} bars"
        reason = f"close differs by more than {TOLERANCE:.0%} on {share}"
        return replace(nothing, reason=reason)
    bars = answer.join(kept, on="ts", how="anti")
    changed = bars.join(stored.select(BAR_COLUMNS), on=list(BAR_COLUMNS), how="anti")
    return Revision(changed, bars.join(stored, on="ts", how="anti").height, kept)


def not_covered(stored: pl.DataFrame, answer: pl.DataFrame) -> str:
    """Why an answer cannot replace a series; "" when it can.

    It has to reach from its first session to its last one, with nearly all that lie between, and
    most of those bars that differ have to differ by one ratio.
    """
    day = pl.col("ts").dt.date()
    ours, theirs = (bars.select(day.alias("day")).unique() for bars in (stored, answer))
    back = stored.join(answer, on="ts", how="semi").height
    sessions = ours.join(theirs, on="day", how="semi").height
    short = theirs.is_empty() or bool(
        (theirs.min() > ours.min()).item() or (theirs.max() < ours.max()).item()
    )
    if short or sessions < _COVERED * ours.height or back < _COVERED * stored.height:
        return f"{back} of {stored.height} stored bars came back, kept as it was"
    common = stored.join(answer.select("ts", theirs="close"), on="ts")
    changed = common.filter((pl.col("theirs") / pl.col("close") - 1).abs() > STEADY)
    if changed.height and price_ratio(changed, answer).steady <= 0.5:
        return f"its {back} bars and those that are stored differ by no one ratio, kept as it was"
    return ""


def rebased(bars: pl.DataFrame, stored: pl.DataFrame, answer: pl.DataFrame) -> pl.DataFrame:
    """Bars with the prices, and after a split the volume, that their source would give them now.

    Args:
        bars: Some of `stored`.
        stored: The series, of one symbol.
        answer: What its source gives now of the same time.
    """
    factor = price_ratio(stored, answer).median
    common = stored.join(answer, on="ts", suffix="_theirs").filter(pl.col("volume") > 0)
    shares = float((common["volume_theirs"] / common["volume"]).median() or 1.0)  # type: ignore[arg-type]
    split = abs(log(shares * factor)) < abs(log(shares))
    return bars.with_columns(
        pl.col(PRICE_COLUMNS) * factor, pl.col("volume") / (factor if split else 1.0)
    )
