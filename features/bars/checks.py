"""Bars: the checks, the quarantine of the bars that fail them, and their interval."""

from dataclasses import InitVar, dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from cluster.errors import DataError
from features.bars.bar_rules import defect
from features.bars.intervals import interval_of
from features.bars.open_bars import RECENT, not_yet
from features.bars.schema import BAR_COLUMNS, BAR_SCHEMA, PRICE_COLUMNS, normalise

__all__ = [
    "BAR_COLUMNS",
    "BAR_SCHEMA",
    "PRICE_COLUMNS",
    "Bars",
    "CheckedBars",
    "check_bars",
    "dated_at_midnight",
    "interval_of",
    "list_defects",
    "split_bad",
]

_TIME_FORMAT = "%Y-%m-%d %H:%M"
_PASSED = object()  # who holds it has checked the bars: this module alone


@dataclass(frozen=True, eq=False)
class CheckedBars:
    """Bars that passed every check; no other are of this type, so that nobody checks them again.

    `check_bars` and `split_bad` make them, and `filter` makes fewer of them.

    Attributes:
        frame: `BAR_SCHEMA`, sorted by (symbol, ts).

    Raises:
        TypeError: made from a frame that was not checked.
    """

    frame: pl.DataFrame
    proof: InitVar[object] = None

    def __post_init__(self, proof: object) -> None:
        """Refuse a frame that nobody checked."""
        if proof is not _PASSED:
            raise TypeError("CheckedBars come from features.check_bars(bars, origin=...)")

    @classmethod
    def none(cls) -> "CheckedBars":
        """No bars at all."""
        return cls(pl.DataFrame(schema=BAR_SCHEMA), _PASSED)

    @cached_property
    def interval(self) -> str:
        """`interval_of` these bars.

        Raises:
            DataError: no symbol has two bars.
        """
        return interval_of(self.frame)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that have bars, sorted."""
        return tuple(self.frame["symbol"].unique().sort())

    def filter(self, *chosen: pl.Expr) -> "CheckedBars":
        """Those of the bars for which all expressions hold."""
        return CheckedBars(self.frame.filter(*chosen), _PASSED)


Bars = pl.DataFrame | CheckedBars  # whoever takes both begins with `check_bars`


def check_bars(
    bars: Bars,
    *,
    origin: str,
    next_command: str = "",
    now: datetime | None = None,
    interval: str = "",
) -> CheckedBars:
    """Bring bars to `BAR_SCHEMA`, sorted by (symbol, ts), or refuse them.

    Checked bars are handed back as they are.

    Column names are matched without regard to case; `timestamp`, `datetime`, `date` and `time` are
    read as `ts`, and `ticker` as `symbol`. Times without a zone are taken as UTC.

    Args:
        bars: Any frame with the columns of `BAR_COLUMNS`; further columns are dropped.
        origin: Where the bars come from (a file, a source), for the message.
        next_command: What the message tells the user to run.
        now: UTC; bars that are not over by then are refused. None: they are not judged.
        interval: Of the bars; "": as their spacing tells.

    Raises:
        DataError: naming the symbol and the bar: missing columns, no bars, empty or non-finite
            values, prices <= 0, negative volume, high < low, open or close outside [low, high]
            (beyond `features.bars.bar_rules.ROUNDING`), duplicate times, times that go back
            within a symbol, symbols that differ only by case, bars that are not over.
    """
    if isinstance(bars, CheckedBars):
        return bars
    rows = normalise(bars, origin=origin)
    bad = _judged(rows, now, interval).filter(pl.col("reason").is_not_null())
    if bad.height:
        raise _refusal(bad, rows.height, origin, next_command)
    return CheckedBars(rows.select(BAR_COLUMNS).sort("symbol", "ts"), _PASSED)


def split_bad(
    bars: pl.DataFrame, *, origin: str = "bars", now: datetime | None = None, interval: str = ""
) -> tuple[CheckedBars, pl.DataFrame]:
    """Separate the bars that pass every check from those that do not.

    Times out of order are repaired by sorting and repeated identical rows are kept once; of bars
    that contradict each other at one time, none is kept. `now` and `interval` are as of
    `check_bars`.

    Returns:
        The good bars (there may be none), and the bad ones with the columns `row` (from 0, in the
        order given) and `reason`.
    """
    rows = normalise(bars, origin=origin).sort("symbol", "ts", maintain_order=True)
    repeated = ~pl.struct(*BAR_COLUMNS).is_first_distinct()
    first = rows.filter(~repeated)
    first = _judged(first, now, interval)
    bad = pl.concat(
        [
            first.filter(pl.col("reason").is_not_null()),
            rows.filter(repeated).with_columns(reason=pl.lit("is a repeated row")),
        ]
    )
    good = first.filter(pl.col("reason").is_null()).select(BAR_COLUMNS)
    return CheckedBars(good, _PASSED), bad.select("row", *BAR_COLUMNS, "reason").sort("row")


def list_defects(
    bars: pl.DataFrame, *, origin: str = "bars", now: datetime | None = None
) -> pl.DataFrame:
    """Every bar that fails a check: `row` (from 0), the bar's columns and the first `reason`.

    `now` is that of `check_bars`.
    """
    rows = normalise(bars, origin=origin)
    bad = _judged(rows, now).filter(pl.col("reason").is_not_null())
    return bad.select("row", *BAR_COLUMNS, "reason")


def _judged(rows: pl.DataFrame, now: datetime | None, interval: str = "") -> pl.DataFrame:
    """Add `reason`, null for a good bar."""
    judged = rows.with_columns(defect(rows))
    if now is None or not (rows["ts"] > now - RECENT).any():
        return judged
    dated = rows.filter(pl.col("ts").is_not_null(), pl.col("symbol").is_not_null())
    known = interval or (interval_of(dated) if _has_spacing(dated) else None)
    late = not_yet(rows, known, now)
    return judged.with_columns(reason=pl.coalesce("reason", late))


def _has_spacing(bars: pl.DataFrame) -> bool:
    """Whether a symbol has two bars at two times."""
    return bars.select("symbol", "ts").n_unique() > bars["symbol"].n_unique()


def dated_at_midnight(bars: pl.DataFrame) -> pl.DataFrame:
    """Daily bars with midnight UTC of their UTC date as time, whatever hour their source stamps.

    Raises:
        DataError: a symbol has two bars on one date.
    """
    dated = bars.with_columns(pl.col("ts").dt.truncate("1d"))
    if dated["ts"].equals(bars["ts"]):
        return bars
    twice = dated.with_row_index("row").filter(pl.struct("symbol", "ts").is_duplicated())
    if twice.height:
        reason = pl.lit("another bar has the same symbol and time")
        raise _refusal(twice.with_columns(reason=reason), dated.height, "daily bars", "")
    return dated


def _refusal(bad: pl.DataFrame, height: int, origin: str, next_command: str) -> DataError:
    first = bad.row(0, named=True)
    when = f" at {first['ts']:{_TIME_FORMAT}} UTC" if first["ts"] else ""
    what = f"{origin}: {first['symbol'] or 'no symbol'}{when} (row {first['row']})"
    count = f"{bad.height:,} of {height:,} bars are bad"
    return DataError(what, f"{first['reason']}; {count}", next_command)
