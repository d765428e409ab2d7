from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from envs import Window
from train.market.folds import Fold, walk_forward
from train.scenarios.sections import Folds


def clock(lengths: list[int]) -> np.ndarray:
    """Session number of each bar; sessions need not be numbered without holes."""
    return np.repeat(3 * np.arange(len(lengths)) + 100, lengths).astype(np.int64)


def windows(fold: Fold) -> list[Window]:
    return [fold.train, fold.validation, fold.test]


def test_windows_of_hourly_bars() -> None:
    config = Folds(
        count=2,
        train_sessions=10,
        validation_sessions=4,
        test_sessions=3,
        purge_bars=8,
        embargo_sessions=1,
    )

    folds = walk_forward(clock([7] * 30), config)

    # 8 bars of purge are 2 sessions of 7, and 1 of embargo: 3 sessions between windows
    assert folds == [
        Fold(0, Window(0, 7 * 14), Window(7 * 17, 7 * 21), Window(7 * 24, 7 * 27)),
        Fold(1, Window(0, 7 * 17), Window(7 * 20, 7 * 24), Window(7 * 27, 7 * 30)),
    ]


def test_rolling_folds_forget_the_oldest_sessions() -> None:
    config = Folds(
        scheme="rolling",
        count=3,
        train_sessions=5,
        validation_sessions=2,
        test_sessions=2,
        purge_bars=0,
        embargo_sessions=0,
    )

    folds = walk_forward(clock([1] * 15), config)

    assert [fold.train for fold in folds] == [Window(2, 7), Window(4, 9), Window(6, 11)]
    assert [fold.test for fold in folds] == [Window(9, 11), Window(11, 13), Window(13, 15)]


def test_too_few_sessions_are_counted() -> None:
    config = Folds(train_sessions=10, validation_sessions=5, test_sessions=5)

    with pytest.raises(DataError, match="20 sessions are too few"):
        walk_forward(clock([7] * 20), config)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 8), min_size=30, max_size=60),
    scheme=st.sampled_from(["expanding", "rolling"]),
    count=st.integers(1, 3),
    purge=st.integers(0, 12),
    embargo=st.integers(0, 2),
)
def test_windows_hold_whole_sessions_in_order_with_the_gap_kept(
    lengths: list[int], scheme: str, count: int, purge: int, embargo: int
) -> None:
    session = clock(lengths)
    config = Folds(
        scheme=scheme,
        count=count,
        train_sessions=5,
        validation_sessions=2,
        test_sessions=2,
        purge_bars=purge,
        embargo_sessions=embargo,
    )
    try:
        folds = walk_forward(session, config)
    except DataError:
        return  # the purge took what there was; the count in the message has its own test

    edges = {0, len(session), *(np.flatnonzero(np.diff(session)) + 1).tolist()}
    for fold in folds:
        for window in windows(fold):
            assert 0 <= window.start < window.stop <= len(session)
            assert {window.start, window.stop} <= edges
        for before, after in pairwise(windows(fold)):
            assert after.start - before.stop >= purge
            left_out = len(np.unique(session[before.stop : after.start]))
            assert left_out >= embargo
    assert [fold.index for fold in folds] == list(range(count))
    tests = [fold.test for fold in folds]
    assert all(a.stop == b.start for a, b in pairwise(tests))
    assert tests[-1].stop == len(session)


def test_a_fold_is_written_as_the_ids_of_old_ledgers_hashed_it() -> None:
    fold = Fold(2, Window(0, 140), Window(147, 210), Window(217, 420))

    assert str(fold) == "Fold(index=2, train=(0, 140), validation=(147, 210), test=(217, 420))"
