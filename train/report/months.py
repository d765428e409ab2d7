"""The months of a path, as the report's table shows them."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from cluster.html.page import Cell, Table
from cluster.html.wording import minus
from envs.arrays import Float64

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Months = dict[int, dict[int, float]]  # year -> month 1..12 -> return


def monthly_returns(dates: Sequence[date], returns: Float64) -> Months:
    """Compounded return of each calendar month that has a session.

    Args:
        dates: (D,) of the sessions.
        returns: (D,) simple.
    """
    growth: dict[int, dict[int, float]] = {}
    for day, value in zip(dates, returns.tolist(), strict=True):
        months = growth.setdefault(day.year, {})
        months[day.month] = months.get(day.month, 1.0) * (1.0 + value)
    return {
        year: {month: wealth - 1.0 for month, wealth in months.items()}
        for year, months in growth.items()
    }


def months_table(months: Months) -> Table:
    """A row a year, a column a month and one for the whole year; shaded by size and sign."""
    largest = max(abs(value) for year in months.values() for value in year.values()) or 1.0
    rows: list[list[str | Cell]] = []
    for year, values in sorted(months.items()):
        whole = float(np.prod([1.0 + value for value in values.values()])) - 1.0
        cells = [_cell(values.get(month), largest) for month in range(1, 13)]
        rows.append([str(year), *cells, _percent(whole)])
    return Table(["", *MONTHS, "year"], rows, dense=True)


def _cell(value: float | None, largest: float) -> Cell:
    return Cell("") if value is None else Cell(_percent(value), shade=value / largest)


def _percent(value: float) -> str:
    return minus(f"{100.0 * value:.1f}")
