from typing import Any

import pytest

from train.learners.resources import gpus_per_learner, trial_resources
from train.scenarios.scenario import PloutosConfig

WITHOUT, WITH = {"CPU": 4.0}, {"CPU": 4.0, "GPU": 1.0}


def config(gpus: float = 0.25, **workers: int) -> PloutosConfig:
    values = PloutosConfig.from_yaml("demo").model_dump(mode="json")
    values |= {"learner": "rllib", "workers": workers}
    values["search"]["gpus_per_trial"] = gpus
    return PloutosConfig.model_validate(values)


@pytest.mark.parametrize(
    ("workers", "cluster", "bundles"),
    [
        ({}, WITHOUT, [{"CPU": 1.0}]),
        ({}, WITH, [{"CPU": 1.0, "GPU": 0.25}]),
        ({"env_runners": 2}, WITH, [{"CPU": 1.0, "GPU": 0.25}, {"CPU": 1.0}, {"CPU": 1.0}]),
        ({"learners": 2}, WITHOUT, [{"CPU": 1.0}] * 3),
        ({"learners": 2}, WITH, [{"CPU": 1.0}, *[{"CPU": 1.0, "GPU": 0.25}] * 2]),
    ],
)
def test_the_share_of_a_gpu_goes_to_whoever_learns(
    workers: dict[str, int], cluster: dict[str, float], bundles: list[dict[str, float]]
) -> None:
    wanted: Any = trial_resources(config(**workers), cluster)

    assert wanted.bundles == bundles


def test_a_scenario_can_keep_off_the_gpu() -> None:
    assert trial_resources(config(gpus=0.0), WITH).bundles == [{"CPU": 1.0}]


def test_rllib_asks_for_a_gpu_only_where_there_is_one() -> None:
    import torch

    assert gpus_per_learner(config()) == (0.25 if torch.cuda.is_available() else 0.0)
