"""Slots, 11 sectors x rank: a monthly rescan changes who sits in them, never their number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import chain

import polars as pl

from features.universe.sectors import GICS_SECTORS

EMPTY = ""  # holder of a slot that nobody has


@dataclass(frozen=True)
class SlotPlan:
    """Who is due in which slot, month by month.

    Attributes:
        slots: (A,) names such as `Energy/1`: sector after sector, `per_sector` of each.
        firsts: (M,) first session of each month, ascending.
        holders: (M, A) symbol due in each slot from that session on; `EMPTY` where none is.
    """

    slots: tuple[str, ...]
    firsts: tuple[date, ...]
    holders: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All that are ever due in a slot, sorted."""
        return tuple(sorted(set(chain.from_iterable(self.holders)) - {EMPTY}))


def slot_names(per_sector: int) -> tuple[str, ...]:
    """Names of the 11 x `per_sector` slots."""
    return tuple(f"{sector}/{n}" for sector in GICS_SECTORS for n in range(1, per_sector + 1))


def plan_slots(months: Iterable[tuple[date, pl.DataFrame]], per_sector: int) -> SlotPlan:
    """Give the picks of each month their slots.

    Who is picked again keeps its slot, whatever its rank: a swap of ranks sells nothing. Newcomers
    take the freed slots of their sector, the better one the lower number. What is left is empty.
    A month therefore depends on those before it, and on none after it.

    Args:
        months: First session of each month and the scan's picks for it (`scan.PICK_SCHEMA`).
        per_sector: Slots of each sector; more picks than that are an error of the caller's.
    """
    firsts, holders = [], []
    now = (EMPTY,) * (len(GICS_SECTORS) * per_sector)
    for first, picks in months:
        ranked = picks.sort("sector", "rank")
        by_sector = dict(ranked.group_by("sector").agg("symbol").iter_rows())
        seats = [now[start : start + per_sector] for start in range(0, len(now), per_sector)]
        pairs = zip(GICS_SECTORS, seats, strict=True)
        now = tuple(chain.from_iterable(_reseated(seat, by_sector.get(s, [])) for s, seat in pairs))
        firsts.append(first)
        holders.append(now)
    return SlotPlan(slot_names(per_sector), tuple(firsts), tuple(holders))


def _reseated(before: tuple[str, ...], picked: list[str]) -> list[str]:
    """Who sits in the slots of one sector after a scan."""
    newcomers = iter([symbol for symbol in picked if symbol not in before])
    return [symbol if symbol in picked else next(newcomers, EMPTY) for symbol in before]
