"""What an answer is worth: which of its bars may be kept, and of which symbols none may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from features.bars.checks import CheckedBars, split_bad
from features.bars.file_consistency import wrong_zone
from features.bars.intervals import INTERVALS
from features.bars.schema import BAR_COLUMNS
from features.bars.sessions import session_dates, sessions_between
from features.sources.series.gaps import Window

_JUDGED = 5  # bars of a symbol that show what they are
_OFF = 0.1  # share of them on days without a session that no stray bar explains


@dataclass(frozen=True)
class Answer:
    """An answer, sifted.

    Args:
        good: Bars that passed every check.
        aside: Those that did not: `symbol`, `ts`, `reason`.
        wrong: Symbols whose bars are not what was asked for, and why.
    """

    good: CheckedBars
    aside: pl.DataFrame
    wrong: dict[str, str]

    def of(self, symbol: str) -> pl.DataFrame:
        """The good bars of a symbol, `BAR_SCHEMA`."""
        return self.good.frame.filter(pl.col("symbol") == symbol)


def sifted(bars: pl.DataFrame, symbols: Sequence[str], interval: str, window: Window) -> Answer:
    """Judge an answer by itself.

    Rows without any price are no bars. Bars of other symbols, or from outside the window, were
    not asked for. Bars on days without a session are set aside; when there are many of them, or
    the bars lie at other distances or hours than those of the interval, the answer is of
    something else.

    Args:
        bars: `BAR_SCHEMA`, as a source has them.
        symbols: What was asked for.
        interval: Likewise.
        window: Likewise.
    """
    daily = interval == "1d"
    if daily:
        bars = bars.with_columns(pl.col("ts").dt.truncate("1d"))
    others = sorted(set(bars["symbol"].drop_nulls()) - set(symbols))
    absent = set(symbols) - set(bars["symbol"]) if others else set()
    wrong = {symbol: f"its answer is of {others[0]}" for symbol in absent}
    asked = pl.col("symbol").is_in(list(symbols)) & ~pl.all_horizontal(
        pl.col(name).is_null() for name in BAR_COLUMNS[2:]
    )
    ts = pl.col("ts")
    bars = bars.filter(asked, ts.is_null() | ts.is_between(*window, closed="left")).unique()
    on_session = ts.dt.date().is_in(_days(window).implode())
    wrong |= dict(_wrong(bars.filter(ts.is_not_null()), interval, on_session))
    bars = bars.filter(~pl.col("symbol").is_in(list(wrong)))
    closed = bars.filter(~on_session).with_columns(reason=pl.lit("the exchange is closed then"))
    bars = bars.filter(ts.is_null() | on_session)
    good, bad = (CheckedBars.none(), closed.clear()) if bars.is_empty() else split_bad(bars)
    columns = ["symbol", "ts", "reason"]
    return Answer(good, pl.concat([bad.select(columns), closed.select(columns)]), wrong)


def _wrong(bars: pl.DataFrame, interval: str, on_session: pl.Expr) -> Iterator[tuple[str, str]]:
    for name, part in bars.sort("ts").partition_by("symbol", as_dict=True).items():
        if part.height < _JUDGED:
            continue
        off = part.filter(~on_session).height
        if off > _OFF * part.height:
            yield str(name[0]), f"{off} of its {part.height} bars are of days without a session"
        elif why := _spacing(part, interval) or wrong_zone(part, interval):
            yield str(name[0]), why


def _spacing(bars: pl.DataFrame, interval: str) -> str:
    step = INTERVALS[interval]
    steps = bars["ts"].diff().drop_nulls()
    right, finer = (steps == step).sum(), (steps < step).sum()
    if right and right >= finer:
        return ""
    return f"its bars are {steps.mode()[0]} apart, {interval} was asked for"


def _days(window: Window) -> pl.Series:
    last = window[1] - timedelta(microseconds=1)
    days = session_dates(sessions_between(window[0].date(), last.date()))
    return pl.Series(days.astype("datetime64[D]"), dtype=pl.Date)
