import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from envs import Window
from train.policy.normaliser import Normaliser


def table(bars: int = 200, seed: int = 0) -> np.ndarray:
    """(T, A, F) = (bars, 3, 2) f32; mean 1 and deviation 2 in the first column, 0 in the second."""
    features = np.zeros((bars, 3, 2), np.float32)
    features[:, :, 0] = np.random.default_rng(seed).normal(1.0, 2.0, (bars, 3))
    return features


def test_the_training_window_gets_mean_zero_and_deviation_one() -> None:
    features, tradable = table(), np.ones((200, 3), bool)

    scale = Normaliser.fit(features, tradable, Window(0, 120))
    column = scale.apply(features)[:120, :, 0]

    assert column.mean() == pytest.approx(0.0, abs=1e-5)
    assert column.std() == pytest.approx(1.0, abs=1e-5)


def test_a_column_that_does_not_move_stays_where_it_is() -> None:
    scale = Normaliser.fit(table(), np.ones((200, 3), bool), Window(0, 120))

    assert scale.std[1] == 1.0
    assert (scale.apply(table())[:, :, 1] == 0.0).all()


def test_nothing_outside_the_training_window_is_looked_at() -> None:
    features, tradable = table(), np.ones((200, 3), bool)
    changed = features.copy()
    changed[120:] = 9.0

    before, after = (
        Normaliser.fit(values, tradable, Window(0, 120)) for values in (features, changed)
    )

    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)


def test_bars_that_cannot_be_traded_do_not_count() -> None:
    features, tradable = table(), np.ones((200, 3), bool)
    features[:50, 0] = 0.0  # the warm-up of one asset
    tradable[:50, 0] = False

    scale = Normaliser.fit(features, tradable, Window(0, 200))

    assert scale.mean[0] == pytest.approx(features[tradable][:, 0].mean(), rel=1e-5)


def test_a_window_without_a_tradable_bar_is_refused() -> None:
    with pytest.raises(DataError, match=r"\[10, 20\)"):
        Normaliser.fit(table(), np.zeros((200, 3), bool), Window(10, 20))


@pytest.mark.parametrize(
    ("mean", "std"),
    [([0.0], [0.0]), ([np.nan], [1.0]), ([0.0], [np.inf]), ([0.0, 1.0], [1.0]), ([[0.0]], [[1.0]])],
)
def test_a_scale_that_is_none_is_refused(mean: list[float], std: list[float]) -> None:
    with pytest.raises(DataError):
        Normaliser(np.array(mean, np.float32), np.array(std, np.float32))


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-(2**20), 2**20, width=32),
    st.floats(-50, 50, width=32),
    st.floats(2**-10, 2**10, width=32),
)
def test_results_stay_within_ten_deviations(value: float, mean: float, std: float) -> None:
    scale = Normaliser(np.array([mean], np.float32), np.array([std], np.float32))

    assert abs(float(scale.apply(np.array([value], np.float32))[0])) <= 10.0


def test_json_brings_it_back() -> None:
    scale = Normaliser.fit(table(), np.ones((200, 3), bool), Window(0, 120))

    again = Normaliser.from_dict(json.loads(json.dumps(scale.to_dict())))

    np.testing.assert_array_equal(again.mean, scale.mean)
    np.testing.assert_array_equal(again.std, scale.std)
