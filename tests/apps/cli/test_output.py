"""What a result looks like to a reader and to a program."""

import json
import math
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cli.output import cell, emit, plain, table

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(value=values)
def test_every_value_becomes_strict_json(value):
    text = json.dumps(plain(value), allow_nan=False)

    assert plain(json.loads(text)) == plain(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64("nan"), None),
        (np.array([1.0, np.inf]), [1.0, None]),
        (np.int64(3), 3),
        (Path("a/b"), "a/b"),
        (datetime(2025, 3, 4, 14, 30, tzinfo=UTC), "2025-03-04T14:30:00+00:00"),
        (np.datetime64("2025-03-04T14:30"), "2025-03-04T14:30:00"),
        ((True, {"b": 2.5}), [True, {"b": 2.5}]),
        (Decimal("3.00"), 3),
        (Decimal("0.10"), 0.1),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("NaN"), None),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=1), "1:00:00"),
        (b"\x00\xff", "00ff"),
    ],
)
def test_values_of_the_field_keep_their_meaning(value, expected):
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (math.nan, "-"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.123456789, "0.123457"),
        (98765.4321, "98,765.43"),
        (1.00243e-06, "0.00000100243"),
        (-3e-05, "-0.00003"),
        (math.inf, "inf"),
        (Decimal("1234567.8900"), "1,234,567.8900"),
        (b"\x00\xff", "00ff"),
        (timedelta(days=389, hours=6), "389 days, 6:00:00"),
        ([1, 2], "1, 2"),
        ({"lr": 0.5}, "lr=0.5"),
        (datetime(2025, 3, 4, 14, 30, tzinfo=UTC), "2025-03-04 14:30"),
    ],
)
def test_cells_are_short_and_exact_enough(value, expected):
    assert cell(value) == expected


def test_numbers_of_a_table_stand_on_the_right():
    view = table(("name", "n"), [("a", 1), ("b", None)])

    assert [column.justify for column in view.columns] == ["left", "right"]
    assert view.row_count == 2


def test_json_goes_to_stdout_alone(capsys):
    emit({"sharpe": math.nan, "n": 2}, True)

    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"sharpe": None, "n": 2}
    assert printed.err == ""


def test_fields_are_aligned_for_a_reader(capsys):
    emit({"a": 1, "longer": [2.5, None]}, False)

    assert capsys.readouterr().out == "a       1\nlonger  2.5, -\n"


MARKUP = "[red]a[/red] [/] :smile: [x"


def test_a_text_is_printed_as_it_is(capsys):
    emit({"[b]": MARKUP}, False)
    emit({}, False, lambda console: console.print(table((MARKUP,), [(MARKUP,)], MARKUP)))

    assert capsys.readouterr().out.count(MARKUP) == 4


@pytest.mark.parametrize("columns", ["0", "1", "-3", "12", "wide", ""])
def test_a_silly_width_prints_every_number_whole(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    numbers = [1_234_567 + number for number in range(30)]

    emit({"rows": 1}, False, lambda console: console.print(table("x" * 30, [numbers])))

    assert capsys.readouterr().out.splitlines()[1].split() == [f"{n:,}" for n in numbers]
