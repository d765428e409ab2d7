"""Check bars: every alarm, and a verdict for each symbol."""

import re
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.bars.checks import interval_of
from features.bars.file_consistency import mixed_intervals, wrong_zone
from features.bars.schema import BAR_COLUMNS
from features.bars.summary import summarise
from features.lake.blocks import KEY
from features.quality.alarms import Level
from features.quality.coverage import (
    coverage,
    find_adjusted,
    find_cut,
    find_gaps,
    find_outside,
    find_straddling,
    on_cents,
)
from features.quality.jumps import find_jumps, find_volume_units, large_moves
from features.quality.measures import bars_by_session, measure
from features.quality.rules import broken_rules, find_broken
from features.quality.runs import find_stale, find_zero_volume, mark_stale
from features.quality.splits import find_known_splits, splits_of
from features.quality.thresholds import Thresholds
from features.quality.units import find_units, mark_units

CHECKS = ("rule", "session", "split", "unit", "jump", "spike", "stale", "zero volume", "gap")
_RANK = {Level.OK: 0, Level.NOTE: 0, Level.SUSPECT: 1, Level.BAD: 2}
_MINUTES = {"m": 1, "h": 60}
_JUDGED = re.compile(r"[1-9][0-9]*[mh]|1d")


@dataclass(frozen=True, eq=False)
class QualityReport:
    """What a check found.

    Args:
        origin: Where the bars come from.
        interval: Of the bars.
        rows: How many bars were given.
        bars: Those that can be used, sorted by (symbol, ts).
        broken: Those that break a rule: `row`, the bar's columns and `reason`.
        symbols: A row a symbol: `symbol`, `verdict`, `bars`, `first`, `last`, `gaps`, `gap_run`,
            `outside`, `cents`, a count for each check, and `findings`.
        alarms: `ALARM_SCHEMA`, worst first.
        moves: The large moves that were judged, from `features.quality.jumps.large_moves`.
        faults: What is wrong with the whole: intervals or zones are mixed.
        limits: The thresholds used.
    """

    origin: str
    interval: str
    rows: int
    bars: pl.DataFrame
    broken: pl.DataFrame
    symbols: pl.DataFrame
    alarms: pl.DataFrame
    moves: pl.DataFrame
    faults: tuple[str, ...]
    limits: Thresholds

    @property
    def verdict(self) -> Level:
        """The worst of the symbols' verdicts; BAD when the whole has a fault."""
        if self.faults or (self.symbols["verdict"] == Level.BAD).any():
            return Level.BAD
        suspect = (self.symbols["verdict"] == Level.SUSPECT).any()
        return Level.SUSPECT if suspect else Level.OK

    def counts(self) -> dict[str, int]:
        """How many symbols have each verdict."""
        found = dict(self.symbols["verdict"].value_counts().iter_rows())
        return {level: found.get(level, 0) for level in (Level.OK, Level.SUSPECT, Level.BAD)}


def check_quality(
    bars: pl.DataFrame,
    *,
    origin: str,
    interval: str | None = None,
    actions: pl.DataFrame | None = None,
    now: datetime | None = None,
    limits: Thresholds | None = None,
) -> QualityReport:
    """Check bars against the rules, the calendar, their own past and each other.

    Args:
        bars: Any frame that `features.check_bars` understands; its bars may be bad.
        origin: Where they come from, for messages.
        interval: Of the bars; by default what their spacing tells.
        actions: Splits that are known, as `features.lake.actions` has them.
        now: UTC; bars that are not over by then are bad. None: they are not judged.
        limits: When to raise an alarm; the default thresholds when None.

    Raises:
        DataError: it is no frame of bars, or without an interval it has no bars.
    """
    limits = limits or Thresholds()
    if bars.is_empty() and interval is not None:
        good, broken = bars, bars.with_columns(row=pl.lit(0), reason=pl.lit(""))
    else:
        good, broken = broken_rules(bars, origin=origin, now=now)
    interval = interval or _interval(good)
    odd = mixed_intervals(good)
    same = good.join(odd, on="symbol", how="anti", maintain_order="left")
    faults = [f"{name} has bars of {own}, most have {most}" for name, own, most in odd.iter_rows()]
    alarms = [find_broken(broken)]
    covered, moves = _bare(same), pl.DataFrame()
    if interval and not _JUDGED.fullmatch(interval):
        faults.append(f"bars of {interval}: nothing can use them, import them again as 1d or finer")
    elif interval and same.height:
        zone = wrong_zone(same, interval)
        faults += [f"times of another zone: {zone}"] if zone else []
        covered, found, moves = _judge(same, interval, limits, splits_of(actions))
        alarms.append(found)
    everything = pl.concat(alarms)
    names = pl.concat([good["symbol"], everything["symbol"]]).unique().sort()
    table = names.to_frame().join(covered, on="symbol", how="left", maintain_order="left")
    return QualityReport(
        origin=origin,
        interval=interval,
        rows=bars.height,
        bars=good,
        broken=broken,
        symbols=_with_verdicts(table, everything),
        alarms=_worst_first(everything),
        moves=moves,
        faults=tuple(faults),
        limits=limits,
    )


def _interval(good: pl.DataFrame) -> str:
    """The interval, "" where no symbol has two bars."""
    return interval_of(good) if good.height > good["symbol"].n_unique() else ""


def _bare(bars: pl.DataFrame) -> pl.DataFrame:
    """What can be said without an interval."""
    return bars.group_by("symbol", maintain_order=True).agg(
        bars=pl.len(), first=pl.col("ts").min(), last=pl.col("ts").max()
    )


def _judge(
    bars: pl.DataFrame, interval: str, limits: Thresholds, splits: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Coverage of each symbol, the alarms of its series, and the moves that were judged."""
    marked = mark_units(mark_stale(bars, limits), limits)
    sound = marked.filter(pl.col("unit").is_null()).select(BAR_COLUMNS)
    sessions = bars_by_session(sound, interval)
    measured = measure(sessions, limits)
    unadjusted = find_known_splits(measured, splits)
    moves = large_moves(measured, limits).join(unadjusted, on=KEY, how="anti")
    covered = coverage(sessions, summarise(bars))
    cents = on_cents(sessions)
    alarms = [
        find_units(marked),
        find_stale(marked),
        find_zero_volume(bars, limits),
        unadjusted,
        find_jumps(measured, moves, limits),
        find_volume_units(measured, limits),
        find_outside(covered),
        find_gaps(covered, limits),
        find_cut(covered),
        find_adjusted(cents, covered, limits),
    ]
    if interval[-1] in _MINUTES:
        minutes = int(interval[:-1]) * _MINUTES[interval[-1]]
        alarms.append(find_straddling(bars, interval, minutes))
    table = covered.join(cents, on="symbol", how="left", maintain_order="left")
    return table, pl.concat(alarms), moves


def _with_verdicts(table: pl.DataFrame, alarms: pl.DataFrame) -> pl.DataFrame:
    """Add `verdict`, a count for each of `CHECKS`, and `findings` (the checks, as text)."""
    ranked = alarms.with_columns(rank=pl.col("level").replace_strict(_RANK, return_dtype=pl.Int64))
    serious = pl.col("rank") > 0
    counts = ranked.group_by("symbol").agg(
        pl.col("rank").max(),
        findings=pl.col("check").filter(serious).unique().sort().str.join(", "),
        notes=pl.col("check").filter(~serious).unique().sort().str.join(", "),
        **{name: (pl.col("check") == name).sum() for name in CHECKS},
    )
    names = {rank: level.value for level, rank in _RANK.items() if level is not Level.NOTE}
    whole = table.join(counts, on="symbol", how="left", maintain_order="left").with_columns(
        pl.col("rank", "bars", *CHECKS).fill_null(0), pl.col("findings", "notes").fill_null("")
    )
    verdict = pl.col("rank").replace_strict(names, return_dtype=pl.String)
    first = ("symbol", "verdict")
    return whole.with_columns(verdict=verdict).select(*first, pl.exclude(*first, "rank"))


def _worst_first(alarms: pl.DataFrame) -> pl.DataFrame:
    rank = pl.col("level").replace_strict(
        {Level.BAD: 0, Level.SUSPECT: 1, Level.NOTE: 2}, return_dtype=pl.Int64
    )
    return alarms.sort(rank, "check", "symbol", "ts")
