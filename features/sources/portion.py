"""What a fetch asks for at a time, and what becomes of it."""

from dataclasses import dataclass, field

from features.sources.answered import Window


@dataclass(frozen=True)
class Portion:
    """Symbols that lack the same window.

    Args:
        symbols: Which.
        window: [start, end) of opening times; it touches the series, if there is one.
        series: The series that it belongs to; None: they have none yet.
        whole: The window of the series with this portion, to be fetched anew if need be.
    """

    symbols: tuple[str, ...]
    window: Window
    series: str | None
    whole: Window

    @property
    def is_head(self) -> bool:
        """Whether the series goes on after the window."""
        return self.window[1] < self.whole[1]


@dataclass
class SymbolOutcome:
    """What became of one symbol.

    Args:
        series: The series it is in; None: it has none.
        sources: Who bars came from.
        bars: How many were written.
        refetched: Why its series was fetched anew; "" when it was not.
        reasons: By source, why something is missing.
        set_aside: Bars that failed the checks, and why.
        complete: Whether all that was lacking is there.
    """

    series: str | None = None
    sources: set[str] = field(default_factory=set)
    bars: int = 0
    refetched: str = ""
    reasons: dict[str, str] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)
    complete: bool = True
