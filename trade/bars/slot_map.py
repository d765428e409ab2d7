"""Which symbol each asset of the policy stands for: always one, or a slot's name of the day."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from envs import rules
from trade.bars.bar_table import BarTable, fingerprint

if TYPE_CHECKING:
    from features.slots.occupancy import Seating


@dataclass(frozen=True, slots=True)
class Leaver:
    """A symbol that is out of its slot from one bar on, and what it is sold at there, USD."""

    slot: str
    symbol: str
    price: float


@dataclass(frozen=True, eq=False)
class Seats:
    """From the A assets of the policy to the N columns of the bars, and back.

    Args:
        table: Bars of N symbols.
        seating: Who sits where; None: asset a is symbol a of the table at every bar.
    """

    table: BarTable
    seating: "Seating | None" = None

    def symbols(self, bar: int) -> tuple[str, ...]:
        """(A,) symbol of each asset; "" where the slot is empty."""
        if self.seating is None:
            return self.table.symbols
        named = (*self.table.symbols, "")  # -1, an empty slot, is the last one
        return tuple(named[column] for column in self.seating.occupant[bar].tolist())

    def asset(self, symbol: str, bar: int) -> int:
        """The asset that a symbol is at a bar.

        Raises:
            ValueError: it sits in no slot then.
        """
        return self.symbols(bar).index(symbol)

    def values(self, rows: np.ndarray, bar: int) -> np.ndarray:
        """One bar's values of the assets (A, ...) from the symbols' (N, ...); 0 if empty."""
        if self.seating is None:
            return rows
        occupant = self.seating.occupant[bar]
        found: np.ndarray = rows[np.maximum(occupant, 0)]
        found[occupant < 0] = 0
        return found

    def leavers(self, bar: int) -> list[Leaver]:
        """Who is out of its slot from this bar on, in slot order, held or not."""
        if self.seating is None or bar == 0:
            return []
        prices = self.seating.exit_price[bar].tolist()
        rows = zip(self.seating.slots, self.symbols(bar - 1), prices, strict=True)
        moved = self._moved(bar)
        return [Leaver(*row) for row, gone in zip(rows, moved, strict=True) if gone and row[1]]

    def handed_over(self, symbol: str, bar: int) -> bool:
        """Whether what was decided on a symbol at the bar before is void: see `slot_refusal`."""
        return self.seating is not None and self._moved(bar)[self.asset(symbol, bar - 1)]

    def fingerprint(self, first: int, last: int) -> str:
        """SHA-256 of the bars `first` to `last`, both included, and of who sits where."""
        of_bars = fingerprint(self.table, first, last)
        if self.seating is None:
            return of_bars
        digest = sha256(" ".join((of_bars, *self.seating.slots)).encode())
        for array in (self.seating.occupant, self.seating.exit_price):
            digest.update(np.ascontiguousarray(array[first : last + 1]).tobytes())
        return digest.hexdigest()

    def _moved(self, bar: int) -> list[bool]:
        assert self.seating is not None
        before, after = self.seating.occupant[bar - 1 : bar + 1].tolist()
        return [
            rules.slot_refusal(*pair) != rules.FILLED for pair in zip(before, after, strict=True)
        ]
