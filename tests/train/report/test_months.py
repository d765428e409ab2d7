"""The table of months: what each earned, compounded."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.report.months import monthly_returns, months_table


def sessions(first: date, count: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(count)]


def test_a_month_compounds_its_days() -> None:
    dates = [date(2023, 1, 30), date(2023, 1, 31), date(2023, 2, 1), date(2024, 2, 1)]

    months = monthly_returns(dates, np.array([0.10, -0.05, 0.02, -0.01]))

    assert months == {
        2023: {1: pytest.approx(1.10 * 0.95 - 1.0), 2: pytest.approx(0.02)},
        2024: {2: pytest.approx(-0.01)},
    }


@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=400), st.dates(date(2000, 1, 1)))
def test_all_months_together_are_the_whole_path(returns: list[float], first: date) -> None:
    first = min(first, date(9990, 1, 1))
    months = monthly_returns(sessions(first, len(returns)), np.array(returns))

    wealth = np.prod([1.0 + value for year in months.values() for value in year.values()])
    assert wealth == pytest.approx(np.prod(1.0 + np.array(returns)))


def test_the_table_has_a_row_a_year_and_says_the_year() -> None:
    table = months_table({2023: {11: 0.031, 12: -0.02}, 2024: {1: 0.001}})

    texts = [[cell.text for cell in row] for row in table.cells]
    assert [table.columns[at] for at in (0, 1, 12, 13)] == ["", "Jan", "Dec", "year"]
    assert texts[0] == ["2023", *[""] * 10, "3.1", "−2.0", "1.0"]
    assert texts[1] == ["2024", "0.1", *[""] * 11, "0.1"]
    shades = [cell.shade for row in table.cells for cell in row if cell.shade]
    assert shades == pytest.approx([1.0, -0.02 / 0.031, 0.001 / 0.031])  # gain, loss, gain


def test_a_path_that_never_moves_is_not_shaded() -> None:
    table = months_table(monthly_returns(sessions(date(2023, 3, 1), 5), np.zeros(5)))

    (row,) = table.cells
    assert [cell.shade for cell in row] == [0.0] * 14
    assert [row[3].text, row[13].text] == ["0.0", "0.0"]
