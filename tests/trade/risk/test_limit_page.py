"""The limit of the how-to page, registered as the page says, works from everywhere it names."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from apps.cli.replaying import ReplayOptions, limits_of
from cluster.errors import ConfigError, UsageError
from places import ROOT
from trade.journal.journal import read_journal
from trade.risk import limits
from trade.risk.limits import RiskLimits
from trade.session.replay import replay_table
from train.scenarios.scenario import PloutosConfig

PAGE = ROOT / "docs" / "how-to" / "risk-limit.md"


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return text


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, type] = {"__name__": "trade.risk.open_positions"}
    exec(compile(block("python"), str(PAGE), "exec"), names)
    monkeypatch.setattr(limits, "LIMITS", (*limits.LIMITS, names["OpenPositions"]))


def options(*named: str, risk: bool = True) -> ReplayOptions:
    nothing = {"start": None, "end": None, "bundle": None, "bars": None, "source": None}
    how = {"local": True, "session": None, "resume": False, "seed": 0}
    return ReplayOptions(**nothing, **how, risk=risk, limits=named)


@pytest.mark.usefixtures("registered")
def test_the_limit_of_the_page_denies_the_third_position(
    walk_table, scripted, request_for, journal: Path
) -> None:
    # given four symbols that are all wanted, and limits that leave room for two
    table = walk_table(bars=60, assets=4, seed=5)
    policy = scripted(table, {40: dict.fromkeys(table.symbols, 1)})
    two = RiskLimits(open_positions=2, correlation=1.0, portfolio_risk=1.0)
    result = replay_table(request_for(table, policy, journal, limits=two), table)
    # then two are bought, and the journal says why the others are not
    assert (result.orders, result.denials) == (2, {"OPEN_POSITIONS": 2})
    records = read_journal(journal)
    assert records[0].event.limits["open_positions"] == 2
    denials = [r.event for r in records if r.kind == "denial"]
    assert [(d.symbol, d.limit, d.asked) for d in denials] == [("S2", 2.0, 3.0), ("S3", 2.0, 3.0)]


@pytest.mark.usefixtures("registered")
def test_scenario_and_command_line_reach_it() -> None:
    # given the page's section in a scenario
    scenario = PloutosConfig.model_validate({"name": "s"} | yaml.safe_load(block("yaml")))
    assert scenario.risk == {"open_positions": 2}
    # when the trader takes a bundle's limits, then the command line's go over them
    assert limits_of(options(), scenario.risk).settings()["open_positions"] == 2
    over = limits_of(options("open_positions=3", "max_position=0.1"), scenario.risk).settings()
    assert (over["open_positions"], over["max_position"], over["daily_loss"]) == (3, 0.1, 0.03)


def test_without_the_line_it_is_unknown() -> None:
    with pytest.raises(ConfigError, match="no limit open_positions"):
        limits_of(options("open_positions=2"), None)


def test_settings_that_cannot_be_read_and_a_gate_that_is_off() -> None:
    with pytest.raises(UsageError, match="--limit max_position"):
        limits_of(options("max_position"), None)
    with pytest.raises(UsageError, match="contradict"):
        limits_of(options("max_position=0.1", risk=False), None)
    assert limits_of(options(risk=False), {"max_position": 0.1}) is None
    with pytest.raises(ConfigError, match="max_position is nan"):
        limits_of(options("max_position=nan"), None)


def test_a_wider_limit_lets_more_through(walk_table, scripted, request_for, tmp_path: Path) -> None:
    table = walk_table(bars=60, assets=2, seed=5)
    spent = Counter[str]()
    for name, share in (("narrow", 0.05), ("wide", 0.1)):
        policy = scripted(table, {40: {"S0": 1}})
        gate = limits_of(options(f"max_position={share}", "portfolio_risk=1"), None)
        path = tmp_path / f"{name}.jsonl"
        replay_table(request_for(table, policy, path, limits=gate), table)
        (order,) = (r.event for r in read_journal(path) if r.kind == "order")
        spent[name] = order.notional
    np.testing.assert_allclose([spent["narrow"], spent["wide"]], [5_000.0, 10_000.0], rtol=1e-3)
