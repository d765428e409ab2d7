"""Effective number of trials: planted clusters are counted, silhouettes are those of the book."""

import numpy as np
import pytest

from train.stats.clusters import correlation_distances, effective_trials, mean_silhouette


def families(sizes: list[int], noise: float, seed: int = 0, days: int = 300) -> np.ndarray:
    """Trials (N, D) in families that share a path, each with noise of its own."""
    random = np.random.default_rng(seed)
    paths = [random.normal(size=days) + noise * random.normal(size=(size, days)) for size in sizes]
    return 0.01 * np.concatenate(paths)


@pytest.mark.parametrize("sizes", [[4, 4], [10, 3, 7], [5, 5, 5, 5, 5], [30, 2, 2]])
@pytest.mark.parametrize("noise", [0.1, 0.5])
def test_planted_families_are_counted(sizes: list[int], noise: float) -> None:
    assert effective_trials(families(sizes, noise)) == len(sizes)


def test_order_does_not_matter() -> None:
    returns = families([10, 3, 7], 0.4)

    shuffled = returns[np.random.default_rng(3).permutation(20)]

    assert effective_trials(shuffled) == 3


def test_variations_of_one_trial_are_one() -> None:
    assert effective_trials(families([12], 0.3)) == 1


@pytest.mark.parametrize("trials", [0, 1])
def test_fewer_than_two_are_what_they_are(trials: int) -> None:
    assert effective_trials(np.zeros((trials, 50))) == trials


def test_two_trials_are_one_or_two() -> None:
    assert effective_trials(families([2], 0.1)) == 1
    assert effective_trials(families([1, 1], 0.1)) == 2


def test_it_is_never_more_than_the_trials() -> None:
    returns = np.random.default_rng(0).normal(size=(40, 60))

    assert 1 <= effective_trials(returns) <= 40


def test_distances_are_those_of_numpy_correlations() -> None:
    returns = families([3, 2], 0.8)

    expected = np.sqrt((1.0 - np.corrcoef(returns)).clip(0.0) / 2.0)

    np.testing.assert_allclose(correlation_distances(returns), expected, atol=1e-6)


def test_a_trial_that_never_moves_is_unlike_all_others() -> None:
    returns = np.vstack([np.zeros(300), families([2], 0.1)])

    distances = correlation_distances(returns)

    np.testing.assert_allclose(distances[0], [0.0, 0.5**0.5, 0.5**0.5])


def test_silhouettes_are_those_of_the_definition() -> None:
    random = np.random.default_rng(4)
    points = random.normal(size=(15, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    labels = np.array([0] * 6 + [1] * 5 + [2] * 3 + [3])

    expected = []
    for i in range(15):
        own = [j for j in range(15) if labels[j] == labels[i] and j != i]
        if not own:
            expected.append(0.0)
            continue
        within = np.mean([distances[i, j] for j in own])
        nearest = min(
            np.mean([distances[i, j] for j in range(15) if labels[j] == other])
            for other in set(labels) - {labels[i]}
        )
        expected.append((nearest - within) / max(within, nearest))

    assert mean_silhouette(distances, labels) == pytest.approx(np.mean(expected), abs=1e-6)
