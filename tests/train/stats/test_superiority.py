"""Hansen's test against a plain implementation, a closed form, and by experiment."""

import math

import numpy as np
import pytest
from arch.bootstrap import SPA, StationaryBootstrap
from scipy.stats import norm

from train.stats.significance import REPETITIONS, block_length
from train.stats.superiority import long_run_variance, spa_p, superiority_p


def plain_variance(path: np.ndarray, block: int) -> float:
    days, keep = len(path), 1.0 - 1.0 / block
    centred = path - path.mean()
    total = float(np.sum(centred**2)) / days
    for lag in range(1, days):
        weight = (1 - lag / days) * keep**lag + lag / days * keep ** (days - lag)
        total += 2.0 * weight * float(np.sum(centred[:-lag] * centred[lag:])) / days
    return total


def plain_spa(excess: np.ndarray, seed: int) -> float:
    """Hansen (2005), equations of section 2, one draw after the other."""
    days, columns = excess.shape
    block = block_length(excess)
    omega = [math.sqrt(plain_variance(excess[:, k], block)) for k in range(columns)]
    means = excess.mean(axis=0)
    statistic = max(math.sqrt(days) * means[k] / omega[k] for k in range(columns))
    limit = -math.sqrt(2.0 * math.log(math.log(days)))
    kept = [k for k in range(columns) if math.sqrt(days) * means[k] / omega[k] >= limit]
    bootstrap = StationaryBootstrap(block, excess, seed=np.random.default_rng(seed))
    beyond = 0
    for (drawn,), _ in bootstrap.bootstrap(REPETITIONS):
        centred = [drawn[:, k].mean() - (means[k] if k in kept else 0.0) for k in range(columns)]
        beyond += (
            max(math.sqrt(days) * c / w for c, w in zip(centred, omega, strict=True)) > statistic
        )
    return beyond / REPETITIONS


@pytest.mark.parametrize("columns", [1, 5])
def test_it_is_the_test_of_the_paper(columns: int) -> None:
    random = np.random.default_rng(columns)
    scales = np.array([0.01, 0.03, 0.005, 0.01, 0.02])[:columns]
    excess = random.normal(0.0, 1.0, (120, columns)) * scales
    excess[:, 0] += 0.0012
    excess[:, -1] -= 0.01 * (columns > 1)  # far below: does not count

    assert spa_p(excess, seed=3) == pytest.approx(plain_spa(excess, 3), abs=1e-6)


def test_variance_is_that_of_the_definition() -> None:
    path = np.random.default_rng(0).normal(size=90).cumsum()

    found = long_run_variance(path[:, None], block=7)[0]

    assert found == pytest.approx(plain_variance(path, 7), rel=1e-6)


def test_a_single_column_is_the_test_of_arch_as_it_is() -> None:
    excess = np.random.default_rng(8).normal(0.001, 0.01, 250)
    block = block_length(excess)

    direct = SPA(np.zeros(250), -excess, block_size=block, reps=2000, seed=np.random.default_rng(1))
    direct.compute()

    expected = float(direct.pvalues["consistent"])
    assert spa_p(excess[:, None], seed=1) == pytest.approx(expected, abs=1e-6)


def test_independent_days_come_close_to_the_closed_form() -> None:
    drawn = np.random.default_rng(2).normal(size=400)
    unit = (drawn - drawn.mean()) / drawn.std()
    excess = 0.01 * (unit + 1.5 / 20.0)  # t = 1.5

    assert spa_p(excess[:, None]) == pytest.approx(norm.sf(1.5), abs=0.03)


def test_the_same_path_is_not_superior_to_itself() -> None:
    path = np.random.default_rng(0).normal(size=60)

    assert superiority_p(path, path, np.empty((0, 60))) == 1.0
    assert superiority_p(path, path + 0.01, np.empty((0, 60))) == 1.0
    assert spa_p(np.full((60, 1), 0.01)) == 0.0


def test_the_search_makes_it_harder() -> None:
    random = np.random.default_rng(6)
    candidate = random.normal(0.0012, 0.01, 250)
    tried = random.normal(0.0, 0.01, (50, 250))

    alone = superiority_p(candidate, np.zeros(250), np.empty((0, 250)))
    among = superiority_p(candidate, np.zeros(250), tried)

    assert alone < 0.05 < among


def test_another_trial_does_not_lend_its_skill() -> None:
    random = np.random.default_rng(6)
    candidate, skilled = random.normal(0.0, 0.01, 250), random.normal(0.01, 0.01, (1, 250))

    p = superiority_p(candidate, np.zeros(250), skilled)

    assert p == superiority_p(candidate, np.zeros(250), np.empty((0, 250))) > 0.05


def test_without_skill_it_rejects_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(9)

    found = [spa_p(random.normal(0.0, 0.01, (60, 3)), seed=n) for n in range(60)]

    assert np.mean(np.array(found) <= 0.1) < 0.25


def test_the_same_seed_gives_the_same_p() -> None:
    excess = np.random.default_rng(0).normal(0.001, 0.01, (100, 2))

    assert spa_p(excess, seed=5) == spa_p(excess, seed=5)
