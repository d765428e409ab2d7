import logging
from typing import Any

import pytest

from cluster.errors import ConfigError
from envs import V6Params, params
from envs.slippage.registry import CODES


def test_the_contracts_defaults() -> None:
    p = V6Params.default()
    expected = {
        "initial_balance": 100_000, "commission": 0, "sec_fee": 0.0000221, "finra_taf": 0.000145,
        "max_steps": 2500, "buy_pct": 0.20, "max_position_pct": 0.25, "max_trades_per_day": 10,
        "min_holding_period": 2, "slippage_model": "realistic", "spread_bps": 2.0,
        "market_impact_factor": 0.0001, "reward_scaling": 1.5, "use_drawdown_penalty": True,
        "reward_trade_success": 0.5, "penalty_overtrading": 0.005, "drawdown_penalty_factor": 3.0,
    }  # fmt: skip
    assert {name: p.to_dict()[name] for name in expected} == expected


def test_the_presets_differ_where_the_contract_says() -> None:
    default, reference = V6Params.default().to_dict(), V6Params.reference().to_dict()
    different = {name for name in default if default[name] != reference[name]}
    assert different == {"fill_lag", "average_cost", "random_start", "max_steps_from_start"}
    assert (default["fill_lag"], reference["fill_lag"]) == (1, 0)


def test_overrides_and_back_from_a_dict() -> None:
    p = V6Params.reference(buy_pct=0.15, max_position_pct=0.20)
    assert (p.buy_pct, p.fill_lag) == (0.15, 0)
    assert V6Params.from_dict(p.to_dict()) == p
    assert hash(p) == hash(V6Params.from_dict(p.to_dict()))


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown .*'max_trade_per_day'.*'max_trades_per_day'"):
        V6Params.default(max_trade_per_day=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("buy_pct", 1.5),
        ("buy_pct", "0.2"),
        ("buy_pct", float("nan")),
        ("max_steps", 0),
        ("max_steps", 2.5),
        ("max_steps", True),
        ("fill_lag", 2),
        ("average_cost", 1),
        ("slippage_model", "square_root"),
        ("slippage_model", None),
        ("initial_balance", 0),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"V6 parameter {name} is"):
        V6Params.default(**{name: value})


def test_the_sharpe_penalty_is_accepted_and_said_to_do_nothing_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    params._say_once_that_the_sharpe_penalty_does_nothing.cache_clear()
    with caplog.at_level(logging.WARNING, logger="envs.params"):
        V6Params.default(use_sharpe_penalty=True)
        V6Params.default(use_sharpe_penalty=True)
    assert [record.message for record in caplog.records] == [
        "use_sharpe_penalty is accepted and does nothing in V6; it never did"
    ]


def test_rule_params_are_in_the_rules_units() -> None:
    rule = V6Params.default(spread_bps=3, slippage_model="impact").rule_params()
    assert rule.spread == pytest.approx(0.0003)
    assert rule.slippage_model == CODES["impact"] == 2
    assert type(rule.commission) is float
