"""What a fetch asks for at a time, and what becomes of it."""

from dataclasses import dataclass, field
from datetime import date, datetime

from features.sources.series.gaps import Window


@dataclass(frozen=True)
class Portion:
    """Symbols that lack the same window.

    Args:
        symbols: Which.
        window: [start, end) of opening times.
        series: The series that it belongs to; None: they have none yet.
        bare: Whether to ask for it by itself, without bars of the series beside it.
        again: Whether it is there already, and what comes may correct it by any size.
    """

    symbols: tuple[str, ...]
    window: Window
    series: str | None
    bare: bool = False
    again: bool = False


@dataclass
class SymbolOutcome:
    """What became of one symbol.

    Args:
        series: The series it is in; None: it has none.
        sources: Who bars came from.
        bars: How many new ones were written.
        refetched: Why its series was fetched anew or put on another basis; "" when it was not.
        reasons: By source, why something is missing.
        set_aside: Times of bars that failed the checks, and why.
        notes: What else is worth knowing.
        lacking: Sessions that lack bars, all or in part.
        proven: Whether its source has told its past as the series has it, in this fetch.
        complete: Whether all that was lacking is there.
        answered: Windows that the source of its series has answered.
    """

    series: str | None = None
    sources: set[str] = field(default_factory=set)
    bars: int = 0
    refetched: str = ""
    reasons: dict[str, str] = field(default_factory=dict)
    set_aside: dict[datetime | None, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lacking: tuple[date, ...] = ()
    proven: bool = False
    complete: bool = True
    answered: list[Window] = field(default_factory=list)
