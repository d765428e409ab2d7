"""What became of a fetch: by series, with notes, and with what is missing."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from features.sources.portion import SymbolOutcome
from features.sources.series.gaps import Window

_LATE = timedelta(days=7)  # a start that is later than this is worth a note

Reasons = tuple[tuple[str, str], ...]  # source, why


@dataclass(frozen=True)
class FetchResult:
    """What became of a fetch.

    Args:
        window: [start, end) of opening times that was looked at.
        outcomes: By symbol, in the order asked.
        spans: First and last bar time that the lake has now, by symbol.
        skipped: Sources that could not be asked, and why.
        without_actions: Sources that did not give their splits and dividends, and why.
    """

    window: Window
    outcomes: Mapping[str, SymbolOutcome]
    spans: Mapping[str, Window]
    skipped: Mapping[str, str]
    without_actions: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every symbol has all that was asked for."""
        return all(outcome.complete for outcome in self.outcomes.values())

    def by_series(self) -> list[dict[str, Any]]:
        """One row a series: `series`, `symbols`, new `bars`, `first` and `last` bar time."""
        members: dict[str, list[str]] = defaultdict(list)
        for symbol, outcome in self.outcomes.items():
            if outcome.series is not None and symbol in self.spans:
                members[outcome.series].append(symbol)
        return [
            {
                "series": series,
                "symbols": len(symbols),
                "bars": sum(self.outcomes[symbol].bars for symbol in symbols),
                "first": min(self.spans[symbol][0] for symbol in symbols),
                "last": max(self.spans[symbol][1] for symbol in symbols),
            }
            for series, symbols in members.items()
        ]

    def notes(self) -> dict[str, list[str]]:
        """What is worth knowing of symbols, and which: switches, late starts, bars set aside."""
        notes: dict[str, list[str]] = defaultdict(list)
        for symbol, outcome in self.outcomes.items():
            for note in self._notes_of(symbol, outcome):
                notes[note].append(symbol)
        for source, why in self.without_actions.items():
            served = [s for s, outcome in self.outcomes.items() if outcome.series == source]
            notes[f"no splits and dividends from {source}: {why}"] = served
        return dict(notes)

    def missing(self) -> dict[Reasons, list[str]]:
        """Why something is missing, by source, and of which symbols."""
        missing: dict[Reasons, list[str]] = defaultdict(list)
        for symbol, outcome in self.outcomes.items():
            if not outcome.complete:
                missing[tuple(outcome.reasons.items())].append(symbol)
        return dict(missing)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the whole result."""
        return {
            "complete": self.complete,
            "start": self.window[0],
            "end": self.window[1],
            "series": self.by_series(),
            "symbols": [self._row(symbol) for symbol in self.outcomes],
            "skipped": dict(self.skipped),
        }

    def _row(self, symbol: str) -> dict[str, Any]:
        outcome = self.outcomes[symbol]
        first, last = self.spans.get(symbol, (None, None))
        return {
            "symbol": symbol,
            "complete": outcome.complete,
            "series": outcome.series,
            "sources": sorted(outcome.sources),
            "bars": outcome.bars,
            "first": first,
            "last": last,
            "refetched": outcome.refetched,
            "set_aside": [f"{ts}: {why}" for ts, why in outcome.set_aside.items()],
            "lacking": list(outcome.lacking),
            "notes": outcome.notes,
            "reasons": outcome.reasons,
        }

    def _notes_of(self, symbol: str, outcome: SymbolOutcome) -> list[str]:
        notes = []
        joined = sorted(outcome.sources - {outcome.series})
        if joined:
            notes.append(f"bars of {', '.join(joined)} joined the series of {outcome.series}")
        if outcome.refetched:
            notes.append(f"its series was replaced: {outcome.refetched}")
        notes += outcome.notes
        if outcome.set_aside:
            first = ": ".join(map(str, next(iter(outcome.set_aside.items()))))
            notes.append(f"{len(outcome.set_aside)} bad bars set aside, the first: {first}")
        if outcome.complete and outcome.series and outcome.reasons and outcome.bars:
            whys = "; ".join(f"{name}: {why}" for name, why in outcome.reasons.items())
            notes.append(f"had from {', '.join(sorted(outcome.sources))}, since {whys}")
        start = self.spans.get(symbol, self.window)[0]
        if start - self.window[0] > _LATE:
            notes.append(f"{outcome.series} has no bars before {start:%Y-%m-%d}")
        return notes
