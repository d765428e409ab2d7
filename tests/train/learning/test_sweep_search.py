from collections.abc import Callable
from typing import Any

import pytest

from train.scenario import PloutosConfig
from train.sweep_search import parameter_space, search_algorithm, trial_scheduler

Small = Callable[..., PloutosConfig]


@pytest.fixture
def searching(small: Small) -> Callable[..., PloutosConfig]:
    """Makes a scenario with this search section."""

    def make(**search: Any) -> PloutosConfig:
        values = small().model_dump(mode="json")
        values["search"] = search
        return PloutosConfig.model_validate(values)

    return make


Searching = Callable[..., PloutosConfig]


def draws(config: PloutosConfig, count: int = 200) -> list[dict[str, Any]]:
    space = parameter_space(config)
    return [{name: domain.sample() for name, domain in space.items()} for _ in range(count)]


def test_a_choice_draws_its_values_only(searching: Searching) -> None:
    config = searching(parameters={"n_epochs": {"choice": [2, 4, 8]}}, seeds=[3, 5])

    drawn = draws(config)

    assert {row["n_epochs"] for row in drawn} == {2, 4, 8}
    assert {row["seed"] for row in drawn} == {3, 5}


def test_ranges_are_kept(searching: Searching) -> None:
    ranges = {"gamma": {"uniform": [0.9, 0.99]}, "learning_rate": {"loguniform": [1e-5, 1e-3]}}

    drawn = draws(searching(parameters=ranges))

    assert all(0.9 <= row["gamma"] <= 0.99 for row in drawn)
    assert all(1e-5 <= row["learning_rate"] <= 1e-3 for row in drawn)
    below_middle = sum(row["learning_rate"] < 1e-4 for row in drawn)  # of the exponents
    assert 70 < below_middle < 130


def test_an_environment_parameter_can_be_searched(searching: Searching) -> None:
    config = searching(parameters={"buy_pct": {"choice": [0.1]}})

    assert config.with_overrides({"buy_pct": 0.1}).environment.buy_pct == 0.1
    assert draws(config, 1)[0]["buy_pct"] == 0.1


def test_without_parameters_only_the_seed_is_drawn(searching: Searching) -> None:
    assert set(parameter_space(searching())) == {"seed"}


def test_optuna_is_used_when_asked_for(searching: Searching) -> None:
    from ray.tune.search.optuna import OptunaSearch

    assert isinstance(search_algorithm(searching(algorithm="optuna")), OptunaSearch)


def test_early_stopping_is_successive_halving(searching: Searching) -> None:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

    early, patient = searching(early_stopping=True), searching(early_stopping=False)

    assert isinstance(trial_scheduler(early), ASHAScheduler)
    assert type(trial_scheduler(patient)) is FIFOScheduler
