import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs import Window

bar = st.integers(0, 30)


def test_a_window_counts_as_a_slice_does() -> None:
    window, bars = Window(3, 7), np.arange(10)
    assert bars[window.slice].tolist() == [3, 4, 5, 6]
    assert (window.last, len(window)) == (6, 4)


@pytest.mark.parametrize("stop", [5, 4])
def test_a_window_without_bars_is_empty(stop: int) -> None:
    window = Window(5, stop)
    assert len(window) == 0
    assert np.arange(10)[window.slice].tolist() == []
    assert not window.touches(Window(0, 10))


def test_a_window_of_one_bar_starts_and_ends_there() -> None:
    window = Window(0, 1)
    assert (window.start, window.last, len(window)) == (0, 0, 1)


@given(bar, bar, bar, bar)
def test_windows_touch_where_they_share_a_bar(a: int, b: int, c: int, d: int) -> None:
    one, other = Window(a, b), Window(c, d)
    shared = set(range(a, b)) & set(range(c, d))
    assert one.touches(other) == other.touches(one) == bool(shared)


def test_neighbours_do_not_touch() -> None:
    assert not Window(0, 5).touches(Window(5, 9))
    assert Window(0, 5).touches(Window(4, 5))
