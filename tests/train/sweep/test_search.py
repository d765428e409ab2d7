from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from train.scenarios.scenario import PloutosConfig
from train.sweep.search import METRIC, parameter_space, search_algorithm, trial_scheduler
from train.sweep.searcher import ConfigurationSearcher

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
    searcher = search_algorithm(config)
    return [searcher.suggest(f"t{number}") for number in range(count)]


def test_a_choice_draws_its_values_only(searching: Searching) -> None:
    drawn = draws(searching(parameters={"n_epochs": {"choice": [2, 4, 8]}}, seeds=[3, 5]))

    assert {row["n_epochs"] for row in drawn} == {2, 4, 8}
    assert {row["seed"] for row in drawn} == {3, 5}


def test_every_configuration_comes_with_every_seed(searching: Searching) -> None:
    config = searching(parameters={"gamma": {"uniform": [0.9, 0.99]}}, seeds=[3, 5, 7])

    drawn = draws(config, 9)

    assert [row["seed"] for row in drawn] == [3, 5, 7] * 3
    assert len({row["gamma"] for row in drawn}) == 3
    assert [row["gamma"] for row in drawn[:3]] == [drawn[0]["gamma"]] * 3
    assert drawn == draws(config, 9)


def test_ranges_are_kept(searching: Searching) -> None:
    ranges = {"gamma": {"uniform": [0.9, 0.99]}, "learning_rate": {"loguniform": [1e-5, 1e-3]}}

    drawn = draws(searching(parameters=ranges))

    assert all(0.9 <= row["gamma"] <= 0.99 for row in drawn)
    assert all(1e-5 <= row["learning_rate"] <= 1e-3 for row in drawn)
    below_middle = sum(row["learning_rate"] < 1e-4 for row in drawn)  # of the exponents
    assert 70 < below_middle < 130


def test_learner_network_environment_and_training_can_be_searched(searching: Searching) -> None:
    config = searching(
        parameters={
            "learner": {"choice": ["rllib"]},
            "network.net_arch": {"choice": [[16, 8]]},
            "environment.buy_pct": {"choice": [0.1]},
            "training.gamma": {"choice": [0.5]},
        }
    )

    (drawn,) = draws(config, 1)
    one = config.with_overrides({name: drawn[name] for name in config.search.parameters})

    assert drawn["network.net_arch"] == [16, 8]
    assert (one.learner, one.network.net_arch) == ("rllib", (16, 8))
    assert (one.environment.buy_pct, one.training.gamma) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("search", "why"),
    [
        ({"parameters": {"network.net_arc": {"choice": [1]}}}, "did you mean network.net_arch"),
        ({"parameters": {"training.total_timesteps": {"choice": [1]}}}, "total_timesteps"),
        ({"parameters": {n: {"choice": [1]} for n in ("gamma", "training.gamma")}}, "two names"),
        ({"scheduler": "pbt"}, "name some under parameters"),
        (
            {"scheduler": "pbt", "parameters": {"learner": {"choice": ["sb3"]}}},
            "pbt copies weights, so it cannot search learner",
        ),
        (
            {
                "scheduler": "pbt",
                "algorithm": "optuna",
                "parameters": {"gamma": {"uniform": [0, 1]}},
            },
            "algorithm must be random",
        ),
        ({"seeds": [1, 1]}, "a seed is named twice"),
    ],
)
def test_a_search_that_cannot_work_is_refused(
    searching: Searching, search: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        searching(**search)


def test_without_parameters_only_the_seed_is_drawn(searching: Searching) -> None:
    assert draws(searching(seeds=[4, 2]), 3) == [{"seed": 4}, {"seed": 2}, {"seed": 4}]
    assert parameter_space(searching()) == {}


class TestWhatTheSearcherLearns:
    @pytest.fixture
    def searcher(self, searching: Searching) -> ConfigurationSearcher:
        parameters = {"gamma": {"uniform": [0.0, 1.0]}}
        algorithm = searching(algorithm="optuna", trials=60, seeds=[0, 1, 2], parameters=parameters)
        found = search_algorithm(algorithm)
        assert isinstance(found, ConfigurationSearcher)
        return found

    def told(self, searcher: ConfigurationSearcher) -> list[float | None]:
        return [trial.value for trial in searcher._study.trials]

    def test_it_is_the_median_over_the_seeds(self, searcher: ConfigurationSearcher) -> None:
        for name, value in (("a", 9.0), ("b", 0.1), ("c", 0.2)):
            searcher.suggest(name)
            searcher.on_trial_complete(name, {METRIC: value})
        searcher.on_trial_complete("c", {METRIC: 5.0})  # a resumed trial ends once more

        assert self.told(searcher) == [0.2]

    def test_failed_seeds_do_not_count(self, searcher: ConfigurationSearcher) -> None:
        for name in "abcdef":
            searcher.suggest(name)
        searcher.on_trial_complete("a", {METRIC: 0.5})
        for name in "bcdef":
            searcher.on_trial_complete(name, error=True)

        assert self.told(searcher) == [0.5, None]

    def test_it_moves_to_where_the_median_is_high(self, searcher: ConfigurationSearcher) -> None:
        drawn = []
        for number in range(60):
            values = searcher.suggest(f"t{number}")
            drawn.append(values["gamma"])
            searcher.on_trial_complete(f"t{number}", {METRIC: -abs(values["gamma"] - 0.8)})

        assert sum(abs(gamma - 0.8) < 0.2 for gamma in drawn[30:]) >= 20

    def test_a_saved_one_goes_on_with_the_same_draws(
        self, searcher: ConfigurationSearcher, searching: Searching, tmp_path: Path
    ) -> None:
        for name in "abcd":
            searcher.suggest(name)
        searcher.save(str(tmp_path / "state"))
        other = search_algorithm(searching())
        other.restore(str(tmp_path / "state"))

        assert [other.suggest(name) for name in "efgh"] == [
            searcher.suggest(name) for name in "efgh"
        ]


def test_schedulers_are_chosen_by_name(searching: Searching) -> None:
    from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, PopulationBasedTraining

    parameters = {"gamma": {"uniform": [0.9, 0.99]}, "n_epochs": {"choice": [1, 2, 4]}}
    patient, early, population = (
        trial_scheduler(searching(scheduler=name, parameters=parameters))
        for name in ("none", "asha", "pbt")
    )

    assert type(patient) is FIFOScheduler
    assert isinstance(early, ASHAScheduler)
    assert isinstance(population, PopulationBasedTraining)


def test_a_population_explores_within_the_ranges(searching: Searching) -> None:
    parameters = {"gamma": {"uniform": [0.9, 0.99]}, "n_epochs": {"choice": [1, 2, 4]}}
    config = searching(scheduler="pbt", seeds=[1, 2], parameters=parameters)

    explore = trial_scheduler(config)._custom_explore_fn

    assert explore({"gamma": 1.1, "n_epochs": 4, "seed": 1}) == {
        "gamma": 0.99,
        "n_epochs": 4,
        "seed": 1,
    }
    assert set(parameter_space(config)) == {"gamma", "n_epochs", "seed"}
