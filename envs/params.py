"""V6 parameters, under the names that the scenarios use, and the two presets."""

import dataclasses
import difflib
import functools
import logging
import math
from dataclasses import dataclass
from typing import Any, Self

from cluster.errors import ConfigError
from envs import rules
from envs.slippage import registry as slippage
from envs.slippage.model import SlippageModel

_REFERENCE = {
    "fill_lag": 0,
    "average_cost": False,
    "random_start": False,
    "max_steps_from_start": False,
}


@dataclass(frozen=True, kw_only=True)
class V6Params:
    """Parameters of V6; use `V6Params.default()` or `V6Params.reference()` to make one."""

    initial_balance: float = 100_000.0  # USD
    commission: float = 0.0  # USD an order
    sec_fee: float = 0.0000221  # share of the notional
    finra_taf: float = 0.000145  # share of the notional
    max_steps: int = 2500  # bars
    buy_pct: float = 0.20  # share of cash
    max_position_pct: float = 0.25  # share of equity
    max_trades_per_day: int = 10
    min_holding_period: int = 2  # bars
    slippage_model: str = "realistic"  # a name of `envs.slippage.registry`
    spread_bps: float = 2.0
    market_impact_factor: float = 0.0001  # share of price
    reward_scaling: float = 1.5
    use_sharpe_penalty: bool = False  # accepted for old scenarios; V6 never used it
    use_drawdown_penalty: bool = True
    reward_trade_success: float = 0.5
    penalty_overtrading: float = 0.005
    drawdown_penalty_factor: float = 3.0
    # What tells the presets apart; docs/environment.md gives the reasons.
    fill_lag: int = 1  # bars from decision to fill: 0 close[t], 1 open[t + 1]
    average_cost: bool = True  # entry price: average cost, or the last execution price
    trade_terms_in_reward: bool = False
    random_start: bool = True  # episodes start uniformly over the window, or at its first bar
    max_steps_from_start: bool = True  # max_steps counts bars of the episode, or bars of the market

    @classmethod
    def default(cls, **overrides: Any) -> Self:
        """The preset that everyone trains with: fills at the next open, average cost.

        Raises:
            ConfigError: an unknown name (names the nearest), or a value out of its range.
        """
        return cls.from_dict(overrides)

    @classmethod
    def reference(cls, **overrides: Any) -> Self:
        """The preset that reproduces the original V6 and its golden files.

        Raises:
            ConfigError: an unknown name (names the nearest), or a value out of its range.
        """
        return cls.from_dict({**_REFERENCE, **overrides})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read `to_dict` back; missing names take the `default` preset's values.

        Raises:
            ConfigError: an unknown name (names the nearest), or a value out of its range.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
                raise ConfigError(
                    f"unknown V6 parameter {name!r}", f"the nearest is {nearest!r}", "correct it"
                )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Every parameter by name, fit for JSON."""
        return dataclasses.asdict(self)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_type(field.name, field.default, getattr(self, field.name))
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(
                    f"V6 parameter {name} is {value}", f"it must lie in [{low}, {high}]"
                )
        if self.slippage_model not in slippage.CODES:
            raise ConfigError(
                f"V6 parameter slippage_model is {self.slippage_model!r}",
                f"it must be one of {', '.join(slippage.CODES)}",
            )
        if self.use_sharpe_penalty:
            _say_once_that_the_sharpe_penalty_does_nothing()

    @property
    def slippage(self) -> SlippageModel:
        """What `slippage_model` names."""
        return slippage.MODELS[slippage.CODES[self.slippage_model]]

    def rule_params(self) -> rules.RuleParams:
        """The numbers that the functions of `envs.rules` take."""
        return rules.RuleParams(
            initial_balance=float(self.initial_balance),
            commission=float(self.commission),
            sec_fee=float(self.sec_fee),
            finra_taf=float(self.finra_taf),
            buy_pct=float(self.buy_pct),
            max_position_pct=float(self.max_position_pct),
            spread=self.spread_bps / 10_000.0,
            impact_factor=float(self.market_impact_factor),
            slippage_model=slippage.CODES[self.slippage_model],
            max_trades_per_day=self.max_trades_per_day,
            min_holding_period=self.min_holding_period,
            average_cost=self.average_cost,
            trade_terms_in_reward=self.trade_terms_in_reward,
            use_drawdown_penalty=self.use_drawdown_penalty,
            reward_scaling=float(self.reward_scaling),
            reward_trade_success=float(self.reward_trade_success),
            penalty_overtrading=float(self.penalty_overtrading),
            drawdown_penalty_factor=float(self.drawdown_penalty_factor),
        )


_RANGES = (
    ("initial_balance", 1e-9, 1e15),
    ("commission", 0.0, 1e9),
    ("sec_fee", 0.0, 0.5),
    ("finra_taf", 0.0, 0.5),
    ("max_steps", 1, 2**31),
    ("buy_pct", 0.0, 1.0),
    ("max_position_pct", 0.0, 1.0),
    ("max_trades_per_day", 0, 2**31),
    ("min_holding_period", 0, 2**31),
    ("spread_bps", 0.0, 5_000.0),
    ("market_impact_factor", 0.0, 0.05),
    ("reward_scaling", 0.0, 1e9),
    ("reward_trade_success", -1e9, 1e9),
    ("penalty_overtrading", 0.0, 1e9),
    ("drawdown_penalty_factor", 0.0, 1e9),
    ("fill_lag", 0, 1),
)


def _check_type(name: str, default: Any, value: Any) -> None:
    """Refuse a value of another type than the default's; an int may stand for a float."""
    kind = type(default)
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits or (kind is float and not math.isfinite(value)):
        raise ConfigError(
            f"V6 parameter {name} is {value!r}",
            f"it must be {'a finite number' if kind is float else 'of type ' + kind.__name__}",
        )


@functools.cache
def _say_once_that_the_sharpe_penalty_does_nothing() -> None:
    logging.getLogger(__name__).warning(
        "use_sharpe_penalty is accepted and does nothing in V6; it never did"
    )
