"""Every registered learner keeps what the port promises; so does the one of the how-to page."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cluster.errors import ConfigError
from cluster.settings import Home
from envs import Market
from places import ROOT
from train.learners.factory import LEARNERS, LearnerKind, check_learner, create_learner
from train.learners.spec import Learner, LearnerSpec
from train.scenarios.scenario import PloutosConfig
from train.scenarios.sections import Workers
from train.sweep.__main__ import check_arguments
from train.sweep.plan import SweepRequest

PAGE = ROOT / "docs" / "how-to" / "learner.md"
STILL = "train.learners.still_learner"
Small = Callable[..., PloutosConfig]
MakeSpec = Callable[..., LearnerSpec]


@pytest.fixture
def _still() -> Iterator[None]:
    """The learner of the page, in its file and with its line."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = ModuleType(STILL)
    exec(compile(code, str(PAGE), "exec"), vars(module))
    sys.modules[STILL] = module
    LEARNERS["still"] = LearnerKind(f"{STILL}:StillLearner")
    yield
    del sys.modules[STILL], LEARNERS["still"]


def choices(learner: Learner, market: Market) -> np.ndarray[Any, Any]:
    """What the present policy does in forty bars with an empty account."""
    account = np.zeros((40, market.num_assets + 3), np.float32)
    return learner.actor().act(np.concatenate([market.table[:40], account], axis=1))


def check_port(spec: LearnerSpec, market: Market, folder: Path) -> None:
    """All that a sweep relies on; one rollout of the scenario has 512 steps."""
    first, second = create_learner(spec), create_learner(spec)
    try:
        # whole rollouts, and the metrics of the last one
        metrics = first.train(700)
        assert 1024 <= first.num_timesteps < 1024 + 32  # RLlib may fill its last steps up
        assert all(isinstance(value, float) for value in metrics.values())
        # what was saved goes on where it stood
        first.save(folder / "state")
        second.load(folder / "state")
        assert second.num_timesteps == first.num_timesteps
        np.testing.assert_array_equal(choices(second, market), choices(first, market))
        second.train(512)
        assert second.num_timesteps >= first.num_timesteps + 512
    finally:
        first.close()
        second.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*already in registry:UserWarning")
@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_every_registered_learner_keeps_the_port(
    name: str, random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    check_port(make_spec(random_market, small(name)), random_market, tmp_path)


@pytest.mark.usefixtures("_still")
def test_the_learner_of_the_how_to_page_keeps_the_port(
    random_market: Market, small: Small, make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec(random_market, small("still"))
    check_port(spec, random_market, tmp_path)

    wider = small("still").model_dump(mode="json") | {"network": {"net_arch": [8]}}
    other = create_learner(replace(spec, config=PloutosConfig.model_validate(wider)))
    with pytest.raises(ConfigError, match="another network"):
        other.load(tmp_path / "state")


@pytest.mark.usefixtures("_still")
def test_scenarios_and_commands_follow_from_the_line(
    small: Small,
) -> None:
    check_learner(small("still"))
    check_arguments(["--scenario", "demo", "--learner", "still"])
    with pytest.raises(ConfigError, match="still takes no workers"):
        check_learner(small("still").model_copy(update={"workers": Workers(env_runners=2)}))


def test_a_learner_that_is_not_there_is_refused_before_a_sweep_begins(small: Small) -> None:
    searched = small().model_dump(mode="json")
    searched["search"]["parameters"] = {"learner": {"choice": ["sb3", "still"]}}

    for config in (small("still"), PloutosConfig.model_validate(searched)):
        with pytest.raises(ConfigError, match="there is no learner still") as refused:
            SweepRequest(config, Path("m"), "SIMULATED", "1h", home=Home(Path("h")))
        assert refused.value.next_command == "choose one of sb3, rllib"


def test_the_page_names_what_is_there() -> None:
    text = PAGE.read_text()
    named = set(re.findall(r"`((?:train|tests)/[\w/]+\.py)`", text))
    for path in named - {"train/learners/still_learner.py"}:
        assert (ROOT / path).is_file(), path
    assert "train/learners/factory.py" in named
