"""Alarms: what a check found, where, how bad it is, and whether the bar itself is wrong."""

from enum import StrEnum

import polars as pl

from cluster.html.style import Tone
from features.bars.schema import BAR_SCHEMA


class Level(StrEnum):
    """How much a finding matters; a symbol's verdict is its worst alarm, a NOTE leaves it OK."""

    OK = "OK"
    NOTE = "NOTE"
    SUSPECT = "SUSPECT"
    BAD = "BAD"


TONE_OF = {
    Level.OK: Tone.GOOD,
    Level.NOTE: Tone.QUIET,
    Level.SUSPECT: Tone.WARN,
    Level.BAD: Tone.BAD,
}
ALARM_SCHEMA = {
    "symbol": pl.String(),
    "ts": BAR_SCHEMA["ts"],  # the bar, or the first one of a run
    "check": pl.String(),
    "level": pl.String(),
    "reason": pl.String(),
    "wrong": pl.Boolean(),  # the bar itself is wrong: a repair sets it aside
}


def no_alarms() -> pl.DataFrame:
    """An empty table of alarms."""
    return pl.DataFrame(schema=ALARM_SCHEMA)


def raised(
    found: pl.DataFrame, check: str, level: Level, reason: pl.Expr, *, wrong: bool = False
) -> pl.DataFrame:
    """One alarm for each row of `found`, which has the columns `symbol` and `ts`."""
    return found.select(
        "symbol",
        pl.col("ts").cast(ALARM_SCHEMA["ts"]),
        check=pl.lit(check),
        level=pl.lit(level.value),
        reason=reason,
        wrong=pl.lit(wrong),
    )


def percent(column: str) -> pl.Expr:
    """A log move as text, such as `+61.2 %`."""
    moved = ((pl.col(column).exp() - 1) * 100).round(1)
    sign = pl.when(moved > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    return pl.concat_str(sign, moved.cast(pl.String), pl.lit(" %"))


def rounded(column: str, digits: int = 1) -> pl.Expr:
    """A number as text."""
    return pl.col(column).round(digits).cast(pl.String)
