"""A scenario: everything a training run is told, read from YAML or JSON and frozen."""

import difflib
import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cluster.errors import ConfigError
from envs import V6Params
from train.scenarios.parameters import is_of_network, places, replaced, twice_named
from train.scenarios.sections import (
    Curriculum,
    Data,
    Environment,
    Folds,
    Network,
    RiskSettings,
    Search,
    SectorScan,
    Training,
    Workers,
)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads 1e-4 as text, for want of a dot; here it is the number it looks like."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


class PloutosConfig(BaseModel):
    """One scenario. `from_yaml` takes a file, or the name of one that Ploutos brings along."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_.-]+$")
    learner: str = Field(default="sb3", min_length=1)  # see `train.learners.factory`
    training: Training = Training()
    workers: Workers = Workers()
    environment: Environment = Field(default_factory=V6Params.default)
    data: Data = Data()
    network: Network = Network()
    curriculum: Curriculum = Curriculum()
    sector_scan: SectorScan = SectorScan()
    search: Search = Search()
    folds: Folds = Folds()
    risk: RiskSettings = Field(default_factory=dict)

    @model_validator(mode="after")
    def _searched_parameters_exist(self) -> "PloutosConfig":
        known = places(self.environment.to_dict())
        for name in self.search.parameters:
            if name not in known:
                raise ValueError(
                    f"search.parameters names {name}, which is no parameter of training, "
                    f"environment or network{_nearest(name, list(known))}"
                )
            if self.search.scheduler == "pbt" and is_of_network(name):
                raise ValueError(f"pbt copies weights, so it cannot search {name}")
        twice = twice_named(self.search.parameters, known)
        if twice:
            raise ValueError(f"search.parameters names {twice} under two names")
        return self

    @model_validator(mode="after")
    def _environments_can_be_split(self) -> "PloutosConfig":
        workers = self.workers
        if self.training.n_envs % max(workers.env_runners, 1):
            raise ValueError(
                f"n_envs {self.training.n_envs} cannot be split among "
                f"{workers.env_runners} env_runners"
            )
        return self

    @classmethod
    def from_yaml(cls, source: str | Path) -> "PloutosConfig":
        """Read a scenario file, or a built-in scenario by its name.

        Raises:
            ConfigError: no such file or name, not YAML, or a key or value that is wrong.
        """
        path = _scenario_path(source)
        try:
            values = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            why = " ".join(str(error).split())
            raise ConfigError(
                f"{path} is not YAML", why, "correct the line that it names"
            ) from error
        return cls._checked(values, origin=str(path), default_name=path.stem)

    @classmethod
    def from_json(cls, text: str) -> "PloutosConfig":
        """Read a scenario from JSON text, as `to_json` writes it.

        Raises:
            ConfigError: not JSON, or a key or value that is wrong.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError("the scenario is not JSON", str(error)) from error
        return cls._checked(values, origin="the scenario", default_name="custom")

    @classmethod
    def _checked(cls, values: Any, *, origin: str, default_name: str) -> "PloutosConfig":
        if not isinstance(values, dict):
            raise ConfigError(
                f"{origin} holds no sections", "a scenario is a mapping of sections to keys"
            )
        try:
            return cls.model_validate({"name": default_name} | values)
        except ValidationError as error:
            raise _explained(error, origin) from error
        except ConfigError as error:  # from V6Params, which knows nothing of files
            raise ConfigError(
                f"{origin}: section environment: {error.what}", error.why, "correct environment"
            ) from error

    def to_json(self) -> str:
        """The scenario as JSON text, every default written out."""
        return self.model_dump_json()

    def with_overrides(self, overrides: Mapping[str, Any]) -> "PloutosConfig":
        """This scenario with parameters replaced as a trial samples them; see `places`.

        Raises:
            ConfigError: a value out of range.
        """
        known = places(self.environment.to_dict())
        values = replaced(self.model_dump(mode="json"), overrides, known)
        return type(self)._checked(values, origin=f"scenario {self.name}", default_name=self.name)

    def v6_params(self) -> V6Params:
        """The environment's parameters."""
        return self.environment

    def get_ppo_kwargs(self) -> dict[str, Any]:
        """Keyword arguments for `stable_baselines3.PPO`."""
        from torch import nn

        arguments = self.training.model_dump(exclude={"total_timesteps", "n_envs"})
        layers = list(self.network.net_arch)
        activation = {"tanh": nn.Tanh, "relu": nn.ReLU}[self.network.activation_fn]
        policy = {"net_arch": {"pi": layers, "vf": layers}, "activation_fn": activation}
        return arguments | {"policy_kwargs": policy}


def scenario_names() -> list[str]:
    """The names of the built-in scenarios."""
    folder = resources.files("train") / "scenarios"
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".yaml"))


def _scenario_path(source: str | Path) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    built_in = Path(str(resources.files("train") / "scenarios" / f"{source}.yaml"))
    if path.name == str(source) and built_in.is_file():
        return built_in
    names = scenario_names()
    raise ConfigError(
        f"no scenario {source}",
        f"there is no such file and no built-in scenario of that name{_nearest(path.stem, names)}",
        f"choose one of {', '.join(names)}, or give the path of a YAML file",
    )


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def _explained(error: ValidationError, origin: str) -> ConfigError:
    """The first thing wrong, as section and key, with the nearest right key."""
    first = error.errors(include_url=False)[0]
    *parents, key = [str(part) for part in first["loc"]] or [""]
    section = ".".join(parents) or "the top level"
    if first["type"] != "extra_forbidden":
        place = ".".join(str(part) for part in first["loc"]) or "the scenario"
        why = first["msg"].removeprefix("Value error, ")
        return ConfigError(f"{origin}: {place} is wrong", why, f"correct {place}")
    known = _keys_at(parents)
    return ConfigError(
        f"{origin}: unknown key {key} in {section}",
        f"nothing reads it{_nearest(key, known)}",
        f"use one of: {', '.join(known)}",
    )


def _keys_at(parents: list[str]) -> list[str]:
    model: type[BaseModel] = PloutosConfig
    for part in parents:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
        elif part == "parameters":
            from train.scenarios.sections import Distribution

            return sorted(Distribution.model_fields)
        elif part == "phases":
            from train.scenarios.sections import Phase

            return sorted(Phase.model_fields)
    return sorted(model.model_fields)
