"""Overfitting probability against a plain implementation and cases with a known answer."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from cluster.errors import DataError
from train.stats.overfitting import overfitting_logits, probability_of_overfitting


def plain_logits(returns: np.ndarray, blocks: int) -> list[float]:
    """The definition, word by word: cut, choose, join, compare."""
    edges = [round(index * returns.shape[1] / blocks) for index in range(blocks + 1)]
    pieces = [returns[:, low:high] for low, high in pairwise(edges)]
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([pieces[index] for index in chosen], axis=1)
        rest = [index for index in range(blocks) if index not in chosen]
        outside = np.concatenate([pieces[index] for index in rest], axis=1)
        best = int(np.argmax(inside.mean(axis=1) / inside.std(axis=1, ddof=1)))
        ranks = rankdata(outside.mean(axis=1) / outside.std(axis=1, ddof=1))
        share = ranks[best] / (len(returns) + 1)
        logits.append(math.log(share / (1.0 - share)))
    return logits


@pytest.mark.parametrize(("trials", "days", "blocks"), [(2, 40, 4), (7, 101, 6), (20, 250, 10)])
def test_it_is_the_definition(trials: int, days: int, blocks: int) -> None:
    returns = np.random.default_rng(trials).normal(3e-4, 0.01, (trials, days))

    logits = overfitting_logits(returns, blocks)

    expected = plain_logits(returns, blocks)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-6)
    share = np.mean(np.array(expected) <= 0)
    assert probability_of_overfitting(returns, blocks) == pytest.approx(share, abs=1e-6)


def test_sixteen_blocks_are_the_definition_too() -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.01, (4, 67))

    logits = overfitting_logits(returns)

    assert logits.shape == (12_870,)
    np.testing.assert_allclose(logits, plain_logits(returns, 16), rtol=0, atol=1e-6)


def test_one_trial_that_is_best_everywhere_is_never_overfitted() -> None:
    returns = np.random.default_rng(0).normal(0.0, 0.01, (10, 320))
    returns[3] += 0.02

    logits = overfitting_logits(returns)

    assert probability_of_overfitting(returns) == 0.0
    np.testing.assert_allclose(logits, math.log(10.0), atol=1e-12)  # rank 10 of 10: w = 10 / 11


def test_what_wins_in_one_half_and_loses_in_the_other_is_always_overfitted() -> None:
    # Each trial earns in its own two of four blocks and loses as much in the other two.
    random = np.random.default_rng(0)
    signs = [[1 if block in two else -1 for block in range(4)] for two in combinations(range(4), 2)]
    returns = np.repeat(np.array(signs), 25, axis=1) * 0.01 + random.normal(0, 1e-4, (6, 100))

    assert probability_of_overfitting(returns, blocks=4) == 1.0


def test_trials_without_skill_are_overfitted_about_half_of_the_time() -> None:
    random = np.random.default_rng(1)

    found = [
        probability_of_overfitting(random.normal(0.0, 0.01, (20, 128)), blocks=8) for _ in range(60)
    ]

    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


def test_copies_of_one_trial_share_their_rank() -> None:
    path = np.random.default_rng(2).normal(0.0, 0.01, 160)

    logits = overfitting_logits(np.tile(path, (5, 1)))

    np.testing.assert_array_equal(logits, 0.0)  # mean rank 3 of 5: w = 1/2


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 10.0))
def test_order_and_scale_of_the_trials_do_not_matter(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    returns = random.normal(0.0, 0.01, (6, 48))

    shuffled = probability_of_overfitting(returns[random.permutation(6)] * scale, blocks=6)

    assert shuffled == pytest.approx(probability_of_overfitting(returns, blocks=6), abs=1e-12)


@pytest.mark.parametrize("shape", [(1, 100), (5, 31)])
def test_too_little_to_tell_is_an_error(shape: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="two trials, 32 sessions"):
        probability_of_overfitting(np.zeros(shape))


def test_a_gap_is_an_error() -> None:
    returns = np.zeros((3, 64))
    returns[1, 7] = np.nan

    with pytest.raises(DataError, match="no gap"):
        probability_of_overfitting(returns)
