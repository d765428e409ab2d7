import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cluster.errors import ConfigError
from train.scenarios.scenario import PloutosConfig, scenario_names
from train.scenarios.sections import Training


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        PloutosConfig.from_yaml(written(folder, text))
    return str(caught.value)


def test_the_built_in_scenarios_are_the_originals_a_demo_and_two_walks() -> None:
    originals = ["v6_better_timing", "v6_extended_50m", "v7_sp500_sectors"]
    assert scenario_names() == ["daily22", "demo", "hourly15", *originals]


def test_better_timing_has_the_originals_numbers() -> None:
    config = PloutosConfig.from_yaml("v6_better_timing")

    assert config.training.total_timesteps == 15_000_000
    assert config.get_ppo_kwargs() | {"policy_kwargs": None} == {
        "learning_rate": 1e-4,
        "n_steps": 4096,
        "batch_size": 8192,
        "n_epochs": 20,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "clip_range": 0.2,
        "ent_coef": 0.10,
        "vf_coef": 0.5,
        "max_grad_norm": 0.5,
        "target_kl": 0.02,
        "policy_kwargs": None,
    }
    assert config.network.net_arch == (1024, 1024, 512, 256)
    assert (config.v6_params().buy_pct, config.v6_params().max_steps) == (0.20, 2500)
    assert len(config.data.tickers) == 15
    assert (config.data.years, config.data.interval) == (5, "1h")


def test_extended_differs_from_better_timing_in_length_and_entropy_only() -> None:
    short, long = (
        PloutosConfig.from_yaml(name) for name in ("v6_better_timing", "v6_extended_50m")
    )

    assert long.training.total_timesteps == 50_000_000
    assert long.training.ent_coef == 0.08
    changed = {"total_timesteps": 15_000_000, "ent_coef": 0.10}
    assert long.training.model_copy(update=changed) == short.training
    assert long.environment == short.environment


def test_sectors_scans_two_stocks_a_sector() -> None:
    config = PloutosConfig.from_yaml("v7_sp500_sectors")

    assert config.sector_scan.model_dump() == {
        "enabled": True,
        "stocks_per_sector": 2,
        "lookback_days": 252,
        "risk_free_rate": 0.04,
    }
    params = config.v6_params()
    assert (params.buy_pct, params.max_position_pct, params.max_trades_per_day) == (0.15, 0.20, 15)
    assert config.data.tickers == ()


@pytest.mark.parametrize("name", scenario_names())
def test_json_brings_a_scenario_back(name: str) -> None:
    config = PloutosConfig.from_yaml(name)

    assert PloutosConfig.from_json(config.to_json()) == config


def test_ppo_of_stable_baselines3_takes_the_arguments() -> None:
    from stable_baselines3 import PPO

    arguments = PloutosConfig.from_yaml("demo").get_ppo_kwargs()
    model = PPO("MlpPolicy", "CartPole-v1", device="cpu", **arguments | {"batch_size": 64})

    assert model.policy.net_arch == {"pi": [32], "vf": [32]}
    assert model.n_steps == 16


def test_a_scenario_cannot_be_changed() -> None:
    config = PloutosConfig.from_yaml("demo")

    with pytest.raises(ValidationError):
        config.training.gamma = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("training: {lerning_rate: 0.1}", ["lerning_rate in training", "learning_rate?"]),
        ("trainig: {}", ["trainig in the top level", "training?"]),
        ("folds: {embargo: 1}", ["embargo in folds", "embargo_sessions?"]),
        ("environment: {buy_pc: 0.1}", ["environment", "buy_pc", "buy_pct"]),
        ("environment: {buy_pct: much}", ["environment", "buy_pct", "number"]),
        ("environment: 3", ["environment"]),
        ("training: {learning_rate: -1}", ["training.learning_rate", "greater than 0"]),
        ("training: {n_epochs: 2.5}", ["training.n_epochs", "integer"]),
        ("training: {batch_size: 99999}", ["batch_size 99999", "16384"]),
        ("data: {interval: 5m}", ["data.interval", "1h"]),
        ("data: {period: long}", ["data.period"]),
        ("data: {tickers: [A, B, A]}", ["data.tickers", "named twice: A"]),
        ("network: {net_arch: []}", ["network.net_arch"]),
        ("network: {kind: shard}", ["network.kind", "'shared'"]),
        ("network: {head_arch: [8]}", ["network", "kind: shared only"]),
        ("search: {parameters: {gama: {choice: [1]}}}", ["gama", "gamma?"]),
        ("search: {parameters: {gamma: {choise: [1]}}}", ["choise", "choice?"]),
        ("search: {parameters: {gamma: {choice: []}}}", ["search.parameters.gamma", "empty"]),
        ("search: {parameters: {gamma: {uniform: [1, 0]}}}", ["smaller to a larger"]),
        ("search: {parameters: {gamma: {loguniform: [0, 1]}}}", ["positive"]),
        ("search: {parameters: {gamma: {}}}", ["exactly one"]),
        ("training: [1", ["not YAML", "line"]),
        ("", ["no sections"]),
        ("- 1", ["no sections"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refusal(tmp_path, text)

    assert "mine.yaml" in message
    for part in parts:
        assert part in message


def test_an_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean v6_better_timing\?"):
        PloutosConfig.from_yaml("v6_better_timng")


def test_a_missing_file_says_so() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        PloutosConfig.from_yaml("/nowhere/x.yaml")


def test_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(ConfigError, match="not JSON"):
        PloutosConfig.from_json("{")


def test_a_number_without_a_dot_is_a_number(tmp_path: Path) -> None:
    path = written(tmp_path, "environment: {sec_fee: 1e-4}\ntraining: {learning_rate: 3e-4}")

    config = PloutosConfig.from_yaml(path)

    assert (config.environment.sec_fee, config.training.learning_rate) == (1e-4, 3e-4)
    assert config.name == "mine"


def test_overrides_reach_the_section_that_has_the_parameter() -> None:
    config = PloutosConfig.from_yaml("demo")

    changed = config.with_overrides({"learning_rate": 1e-5, "buy_pct": 0.1})

    assert changed.training.learning_rate == 1e-5
    assert changed.environment.buy_pct == 0.1
    assert config.training.learning_rate == 1e-3


def test_an_override_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"training\.gamma"):
        PloutosConfig.from_yaml("demo").with_overrides({"gamma": 2.0})


@given(st.text(min_size=1, max_size=20).filter(lambda key: key not in Training.model_fields))
def test_no_unknown_key_passes(key: str) -> None:
    with pytest.raises(ConfigError, match="training"):
        PloutosConfig.from_json(json.dumps({"training": {key: 1}}))
