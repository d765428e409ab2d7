"""The scenario that the options of a command line ask for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from cluster.errors import UsageError
from train.scenarios.parameters import places
from train.scenarios.scenario import PloutosConfig


def scenario_of(
    source: str | Path,
    settings: Sequence[str] | None,
    *,
    trials: int | None = None,
    steps: int | None = None,
    learner: str | None = None,
    folds: int | None = None,
) -> PloutosConfig:
    """A scenario with what every command that runs one may change of it.

    Args:
        source: A name, or a YAML file.
        settings: What `--set` was given, each `section.key=value`.
        trials: How many, in each fold.
        steps: Environment steps a trial.
        learner: Its name.
        folds: How many.

    Raises:
        UsageError: a setting that cannot be read.
        ConfigError: no such scenario, an unknown key, or a value out of range.
    """
    values = with_settings(PloutosConfig.from_yaml(source), settings or ()).model_dump(mode="json")
    if trials is not None:
        values["search"]["trials"] = trials
    if steps is not None:
        values["training"]["total_timesteps"] = steps
    if learner is not None:
        values["learner"] = learner
    if folds is not None:
        values["folds"]["count"] = folds
    return PloutosConfig.from_json(json.dumps(values))


def with_settings(config: PloutosConfig, assignments: Sequence[str]) -> PloutosConfig:
    """The scenario after every `section.key=value`, in their order.

    A value is JSON or YAML: `3e-4`, `true`, `[64, 64]`, `[AAPL, MSFT]`. A parameter that is set is
    not searched any more; `search.parameters.<name>={...}` changes what is searched.

    Raises:
        UsageError: an assignment that is none.
        ConfigError: an unknown key, with the nearest one, or a value out of range.
    """
    if not assignments:
        return config
    values: dict[str, Any] = config.model_dump(mode="json")
    for assignment in assignments:
        path, value = _parsed(assignment)
        _assign(values, path, value, assignment)
        _search_no_more(values, path)
    return PloutosConfig.from_json(json.dumps(values))


def _search_no_more(values: dict[str, Any], path: Sequence[str]) -> None:
    """What is set is not searched, under whichever of its names."""
    known, searched = places(values["environment"]), values["search"]["parameters"]
    for name in [name for name in searched if known.get(name) == tuple(path)]:
        del searched[name]


def _parsed(assignment: str) -> tuple[list[str], Any]:
    key, equals, text = assignment.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise _no_assignment(assignment, "section.key=value is wanted")
    return path, _value(assignment, text)


def _value(assignment: str, text: str) -> Any:
    """JSON before YAML, which takes 3e-4 for a text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _no_assignment(assignment, "the value is neither JSON nor YAML") from error


def _assign(values: dict[str, Any], path: Sequence[str], value: Any, assignment: str) -> None:
    inner = values
    for part in path[:-1]:
        if not isinstance(inner.setdefault(part, {}), dict):
            raise _no_assignment(assignment, f"{part} is a value, not a section")
        inner = inner[part]
    inner[path[-1]] = value


def _no_assignment(assignment: str, why: str) -> UsageError:
    return UsageError(
        f"--set {assignment} cannot be read", why, "for example --set training.learning_rate=3e-4"
    )
