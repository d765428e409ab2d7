"""Bars of many names as the bars of a fixed number of slots."""

from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from features.bars.checks import Bars, check_bars
from features.compute.catalog import FeatureSet
from features.compute.table import AlignedTable, names_table
from features.slots.occupancy import Seating, seat
from features.slots.scan import ScanRules
from features.slots.scan_monthly import MonthlyScans
from features.universe.universe import Universe


@dataclass(frozen=True, kw_only=True)
class SlotRules:
    """What settles who sits where, given bars and a universe.

    Attributes:
        start: First day of the plan. Who sits in which slot of a sector depends on it.
        scan: Of the monthly scans.
    """

    start: date
    scan: ScanRules

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON."""
        return {"start": self.start.isoformat(), "scan": asdict(self.scan)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SlotRules":
        """Read `to_dict` back."""
        start = date.fromisoformat(values["start"])
        return cls(start=start, scan=ScanRules(**values["scan"]))


@dataclass(frozen=True, eq=False)
class SlottedBars:
    """Bars of all N names that ever sit in a slot, and who sits where.

    They begin at the first bar at which a slot can be traded: training, evaluation and trading
    number the bars alike, which slippage draws depend on.
    """

    names: AlignedTable
    seating: Seating

    @classmethod
    def of(cls, names: AlignedTable, seating: Seating) -> "SlottedBars":
        """Both from that bar on."""
        first = int(np.argmax(seating.gathered(names.tradable).any(axis=1)))
        over_time = {
            field.name: getattr(names, field.name)[first:]
            for field in fields(names)
            if isinstance(getattr(names, field.name), np.ndarray)
        }
        occupant, exit_price = seating.occupant[first:], seating.exit_price[first:].copy()
        exit_price[0] = 0.0  # nobody holds what was handed over before
        return cls(replace(names, **over_time), Seating(seating.slots, occupant, exit_price))


def slotted_bars(
    bars: Bars, universe: Universe, rules: SlotRules, feature_set: str | FeatureSet, folder: Path
) -> SlottedBars:
    """Scan every month, seat the picks, and compute each name's features on its own history.

    Columns that compare symbols compare all of the bars whose sector the universe knows.

    Args:
        bars: Hourly or daily, of all candidates, and a lookback before the start.
        universe: Members and sectors of every day.
        rules: Of the slots.
        feature_set: The feature set, or its name.
        folder: Where scans are kept.

    Raises:
        DataError: a bad bar, or nobody is ever eligible.
    """
    checked = check_bars(bars, origin="bars")
    last: date = checked.frame["ts"].dt.date().max()  # type: ignore[assignment]  # it has rows
    plan = MonthlyScans.of(checked, universe, folder).plan(rules.start, last, rules.scan)
    table = names_table(checked, FeatureSet.of(feature_set), plan.names, universe)
    return SlottedBars.of(table, seat(plan, table))
