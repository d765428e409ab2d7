"""Every learner by its name: the one place that knows which there are."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from cluster.errors import ConfigError

if TYPE_CHECKING:
    from train.learners.spec import Learner, LearnerSpec
    from train.scenarios.scenario import PloutosConfig


@dataclass(frozen=True)
class LearnerKind:
    """How a learner is made, and what a scenario may ask of it."""

    maker: str  # "module:class", imported when one is made: RLlib alone takes seconds
    has_workers: bool = False  # whether a scenario's section `workers` is for it


LEARNERS: Final[dict[str, LearnerKind]] = {
    "sb3": LearnerKind("train.learners.sb3_learner:SB3Learner"),
    "rllib": LearnerKind("train.learners.rllib_learner:RLlibLearner", has_workers=True),
}


def check_learner(config: "PloutosConfig") -> None:
    """Refuse a scenario that names a learner, or searches one, that there is not.

    Raises:
        ConfigError: there is no such learner, or it takes no workers.
    """
    searched = config.search.parameters.get("learner")
    for name in (config.learner, *((searched.choice if searched else None) or ())):
        _check(str(name), config)


def create_learner(spec: "LearnerSpec") -> "Learner":
    """The learner that the scenario names, its own process kept to one thread.

    Raises:
        ConfigError: there is no such learner, or it takes no workers.
    """
    import torch

    _check(spec.config.learner, spec.config)
    torch.set_num_threads(1)  # two threads on a shared core are several times slower than one
    module, _, name = LEARNERS[spec.config.learner].maker.partition(":")
    learner: Learner = getattr(import_module(module), name)(spec)
    return learner


def _check(name: str, config: "PloutosConfig") -> None:
    if name not in LEARNERS:
        raise ConfigError(
            f"scenario {config.name}: there is no learner {name}",
            "",
            f"choose one of {', '.join(LEARNERS)}",
        )
    asked = config.workers.env_runners or config.workers.learners
    if asked and not LEARNERS[name].has_workers:
        raise ConfigError(
            f"scenario {config.name}: {name} takes no workers",
            "it trains in one process",
            "leave the section workers out, or name another learner",
        )
