"""From a slot plan to the bars: who sits where at each bar, and what leavers are sold at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster.errors import DataError
from features.bars.sessions import session_dates
from features.compute.table import AlignedTable
from features.slots.plan import EMPTY, SlotPlan
from features.slots.scan import RECENT_SESSIONS

Seats = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Seating:
    """Who sits where, over T bars and A slots."""

    slots: tuple[str, ...]  # (A,)
    occupant: Seats  # (T, A) column of the table that was seated; -1: the slot is empty
    exit_price: NDArray[np.float64]  # (T, A) USD, of who leaves the slot at that bar, else 0

    def gathered(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Values of the slots (T, A, ...) from those of the names (T, N, ...); 0 if empty."""
        rows = np.arange(len(self.occupant))[:, None]
        found = values[rows, np.maximum(self.occupant, 0)]
        found[self.occupant < 0] = 0
        return found


def seat(plan: SlotPlan, table: AlignedTable) -> Seating:
    """Hand slots over at the first bar of each month of the plan.

    A name leaves at the open of that bar. Where it has no bar then (halted), it leaves at the open
    of its next one; where it has had none for `RECENT_SESSIONS` sessions, which is what the scan
    takes for no longer trading, it is taken out at its last close. Its successor takes the slot at
    the same bar, or, while it still sits in another one, as soon as that has let it go. Each bar is
    decided by bars up to it.

    Args:
        plan: Who is due where.
        table: Bars of all names of the plan.

    Raises:
        DataError: the table lacks a name of the plan.
    """
    due, month = _due(plan, table), _month(plan, table)
    can_leave = table.tradable | _gone(table)
    occupant = np.full((len(table.ts), len(plan.slots)), -1, np.int64)
    exit_price = np.zeros(occupant.shape)
    now = np.full(len(plan.slots), -1, np.int64)
    for bar, row in enumerate(month.tolist()):
        heirs = due[row]
        if (now != heirs).any():
            leaves = (now != heirs) & (now >= 0)
            leaves[leaves] = can_leave[bar, now[leaves]]
            exit_price[bar, leaves] = table.open[bar, now[leaves]]
            now = np.where(leaves, -1, now)
            enters = (now < 0) & (heirs >= 0) & ~np.isin(heirs, now)
            now = np.where(enters, heirs, now)
        occupant[bar] = now
    return Seating(plan.slots, occupant, exit_price)


def _due(plan: SlotPlan, table: AlignedTable) -> Seats:
    """(M + 1, A) column due in each slot; the last row is for bars before the plan."""
    column = {symbol: n for n, symbol in enumerate(table.symbols)} | {EMPTY: -1}
    missing = sorted(set(plan.names) - set(column))
    if missing:
        raise DataError(
            f"no bars for {', '.join(missing[:5])}", "the slot plan names them", "give their bars"
        )
    nobody = (EMPTY,) * len(plan.slots)
    return np.array([[column[s] for s in holders] for holders in (*plan.holders, nobody)])


def _month(plan: SlotPlan, table: AlignedTable) -> Seats:
    """(T,) month of the plan of each bar; -1 before the first."""
    firsts = np.array(plan.firsts, "datetime64[D]")
    return np.searchsorted(firsts, session_dates(table.session), side="right") - 1


def _gone(table: AlignedTable) -> NDArray[np.bool_]:
    """(T, N) whether a name has had no tradable bar for `RECENT_SESSIONS` sessions, or never."""
    session = table.session[:, None]
    last = np.maximum.accumulate(np.where(table.tradable, session, -RECENT_SESSIONS), axis=0)
    gone: NDArray[np.bool_] = session - last >= RECENT_SESSIONS
    return gone
