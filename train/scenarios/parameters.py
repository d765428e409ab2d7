"""The names under which a search reaches the parameters of a scenario."""

from collections.abc import Iterable, Mapping
from typing import Any

from train.scenarios.sections import Network, Training

LEARNER = "learner"
_BUDGET = "total_timesteps"  # what every trial gets alike; schedulers count in it
_OF_A_NETWORK = ("network.", LEARNER)  # a population cannot pass weights on across these


def places(environment: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Every name that may be searched, with its path in a scenario.

    `section.key` for training, environment and network, plain `key` for the first two, and
    `learner`.

    Args:
        environment: The names of the V6 parameters.
    """
    keys = {"environment": list(environment), "training": [*Training.model_fields]}
    keys["training"].remove(_BUDGET)
    plain = {key: (section, key) for section, names in keys.items() for key in names}
    keys["network"] = [*Network.model_fields]
    dotted = {
        f"{section}.{key}": (section, key) for section, names in keys.items() for key in names
    }
    return plain | dotted | {LEARNER: (LEARNER,)}


def twice_named(parameters: Iterable[str], known: Mapping[str, tuple[str, ...]]) -> str:
    """A parameter that two names stand for, "" when there is none."""
    seen: set[tuple[str, ...]] = set()
    for name in parameters:
        if known[name] in seen:
            return name
        seen.add(known[name])
    return ""


def is_of_network(parameter: str) -> bool:
    """Whether weights trained under one value are of no use under another."""
    return parameter.startswith(_OF_A_NETWORK)


def replaced(
    values: dict[str, Any], overrides: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """A scenario's values, in place, with parameters replaced under the names of `places`."""
    for name, value in overrides.items():
        *parents, key = known[name]
        section = values
        for parent in parents:
            section = section[parent]
        section[key] = value
    return values
