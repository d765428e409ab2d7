import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.kernel import compiled
from envs.slippage.draws import DrawKey, fold_seed, mix, uniform

word = st.integers(0, 2**31 - 1)


@given(state=word, words=st.lists(word, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_hash_is_the_same_integer_in_python_and_compiled(state: int, words: list[int]) -> None:
    ours = state
    for each in words:
        assert compiled(mix)(ours, each) == mix(ours, each)
        ours = mix(ours, each)
        assert 0 <= ours < 2**31


def test_draws_spread_over_0_to_1_without_a_pattern() -> None:
    draws = np.array(
        [[uniform(DrawKey(5, env, bar, 0)) for bar in range(400)] for env in range(50)]
    )
    assert 0.0 <= draws.min() < 0.0022
    assert 0.9978 < draws.max() <= 1.0
    assert draws.mean() == pytest.approx(0.5, abs=0.0088)
    counts, _ = np.histogram(draws, bins=20, range=(0.0, 1.0))
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees, p = 0.0007
    centred = draws - draws.mean()
    for shifted in (centred[:, 1:] * centred[:, :-1], centred[1:] * centred[:-1]):
        assert abs(shifted.mean()) < 0.03 * draws.var()


def test_draws_differ_by_seed_environment_bar_and_asset() -> None:
    base = DrawKey(1, 2, 3, 4)
    others = [base._replace(**{field: 9}) for field in DrawKey._fields]
    assert len({uniform(key) for key in (base, *others)}) == 5
    assert fold_seed(2**40 + 5) != fold_seed(5)
