import pytest

from cluster.errors import ConfigError, UsageError
from train.scenarios.overrides import with_settings
from train.scenarios.scenario import PloutosConfig, scenario_names
from train.sweep.__main__ import check_arguments


@pytest.fixture
def demo() -> PloutosConfig:
    return PloutosConfig.from_yaml("demo")


def test_values_are_json_or_yaml(demo: PloutosConfig) -> None:
    changed = with_settings(
        demo,
        [
            "training.learning_rate=3e-4",
            "environment.max_steps=500",
            "network.net_arch=[32, 16]",
            "data.tickers=[XLK, XLF]",
            "search.scheduler=asha",
            "learner=rllib",
        ],
    )

    assert changed.training.learning_rate == 3e-4
    assert changed.environment.max_steps == 500
    assert changed.network.net_arch == (32, 16)
    assert changed.data.tickers == ("XLK", "XLF")
    assert changed.search.scheduler == "asha"
    assert changed.learner == "rllib"
    assert with_settings(demo, []) is demo


def test_the_later_assignment_wins(demo: PloutosConfig) -> None:
    assert with_settings(demo, ["training.gamma=0.9", "training.gamma=0.8"]).training.gamma == 0.8


def test_what_is_set_is_not_searched_any_more(demo: PloutosConfig) -> None:
    fixed = with_settings(demo, ["training.learning_rate=3e-4"])
    widened = with_settings(demo, ["search.parameters.gamma={uniform: [0.9, 0.999]}"])

    assert set(demo.search.parameters) == {"learning_rate", "ent_coef"}
    assert set(fixed.search.parameters) == {"ent_coef"}
    assert set(widened.search.parameters) == {"learning_rate", "ent_coef", "gamma"}
    assert widened.search.parameters["gamma"].uniform == (0.9, 0.999)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("training.lerning_rate=1", "did you mean learning_rate"),
        ("trainin.gamma=1", "did you mean training"),
        ("training.gamma=2", "less than or equal to 1"),
        ("environment.max_stps=3", "nearest is 'max_steps'"),
        ("environment.max_steps=abc", "must be of type int"),
        ("training=3", "training is wrong"),
        ("search.parameters.gamma={unform: [1, 2]}", "did you mean uniform"),
        ("training.n_steps=1", "more than one rollout"),
    ],
)
def test_a_wrong_value_is_refused_by_the_scenario(
    demo: PloutosConfig, assignment: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        with_settings(demo, [assignment])


@pytest.mark.parametrize(
    "assignment", ["foo", "=3", "a..b=1", "learner.x=1", "training.n_steps=[1", ""]
)
def test_what_is_no_assignment_is_refused(demo: PloutosConfig, assignment: str) -> None:
    with pytest.raises(UsageError, match="cannot be read") as caught:
        with_settings(demo, [assignment])

    assert "--set training.learning_rate=3e-4" in caught.value.next_command


@pytest.mark.parametrize("scenario", scenario_names())
def test_every_scenario_takes_parameters_on_the_command_line(scenario: str) -> None:
    arguments = ["--scenario", scenario, "--trials", "2", "--steps", "1000000"]

    check_arguments([*arguments, "--set", "training.learning_rate=3e-4"])

    with pytest.raises(ConfigError, match="did you mean gamma"):
        check_arguments([*arguments, "--set", "training.gama=1"])
