"""B environments over one Market, stepped by one compiled call; no reset policy of its own.

`TradingVectorEnv`, `TradingEnv` and `SB3VectorEnv` are thin adapters over it, which differ in when
a finished episode starts anew.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from gymnasium.spaces import Box, MultiDiscrete
from numpy.typing import NDArray

from cluster.errors import ConfigError, UsageError
from envs import kernel, rules
from envs.arrays import Bool, Float32, Float64, Int64
from envs.market import Market
from envs.market_arrays import check_window
from envs.observation import compact_size, full_size
from envs.params import V6Params
from envs.slippage.draws import fold_seed
from envs.window import Window
from features.compute.feature_limit import FEATURE_LIMIT

Observation = Literal["compact", "full"]


class EnvironmentBatch:
    """Accounts of B environments and the spaces of one.

    Args:
        market: The bars.
        params: V6 parameters.
        num_envs: B.
        observation: `compact`: [t] + account, (B, A + 4); `full`: (B, A*F + A + 3).
        window: The bars that episodes may see; the whole Market if None.

    Raises:
        UsageError: a window outside the Market, no environment, or an unknown observation.
        DataError: the Market lacks an array that `params` needs.
        ConfigError: its slots change names, and `params` fill at the close that is decided on.
    """

    def __init__(
        self,
        market: Market,
        params: V6Params,
        num_envs: int,
        observation: Observation = "compact",
        window: Window | None = None,
    ) -> None:
        if num_envs < 1:
            raise UsageError(f"num_envs is {num_envs}", "at least one environment is needed")
        if observation not in get_args(Observation):
            raise UsageError(f"unknown observation {observation!r}", "use 'compact' or 'full'")
        self.window = Window(0, market.num_bars) if window is None else window
        check_window(market, self.window)
        self.market = market
        self.params = params
        self.num_envs = num_envs
        self.observation_space = _observation_space(market, observation)
        self.action_space = MultiDiscrete([rules.NUM_ACTIONS] * market.num_assets)
        self.rules_seed = 0
        self.state = _empty_state(num_envs, market.num_assets)
        self._setup = _setup(market, params)
        self._nobody = np.zeros(num_envs, np.bool_)
        self._start_chances: Float64 | None = None  # (high - low,) cumulative

    def seed_slippage(self, seed: int) -> None:
        """Fix the slippage draws: environment b draws from the stream (seed, b)."""
        self.rules_seed = seed
        self._setup = self._setup._replace(seed=fold_seed(seed))

    def weigh_starts(self, weights: Float64 | None) -> None:
        """From the next episodes on, start at each bar in proportion to its weight.

        Args:
            weights: (T,) not negative; None: uniform over the window, or its first bar, as before.

        Raises:
            UsageError: another shape, a weight that is none, none in the window, or a preset
                whose episodes all start at the window's first bar.
        """
        if weights is None:
            self._start_chances = None
            return
        low, high = self.window.start, self.window.last
        if not self.params.random_start:
            raise UsageError("starts are weighted", "this preset always starts at the first bar")
        if weights.shape != (self.market.num_bars,) or not (
            np.isfinite(weights).all() and (weights >= 0.0).all() and weights[low:high].any()
        ):
            raise UsageError(
                "the weights of the starts are wrong",
                f"{self.market.num_bars} are needed, not negative, one of bars {low} to "
                f"{high - 1} above 0",
            )
        chances = np.cumsum(weights[low:high], dtype=np.float64)
        self._start_chances = chances / chances[-1]

    def draw_starts(self, random: np.random.Generator, count: int) -> Int64:
        """First bars of `count` episodes: by weight, or by the preset.

        The preset starts anywhere in the window, or at its first bar.
        """
        low, high = self.window.start, self.window.last
        if self._start_chances is not None:
            drawn = random.random(count)  # below 1
            return low + np.searchsorted(self._start_chances, drawn, side="right")
        if self.params.random_start:
            return random.integers(low, high, size=count)
        return np.full(count, low)

    def given_start(self, options: Mapping[str, Any] | None) -> int | None:
        """The first bar that `reset(options={"start": ...})` asks for.

        Raises:
            UsageError: an unknown option, or a start that leaves no step inside the window.
        """
        options = options or {}
        if set(options) - {"start"}:
            raise UsageError(f"unknown reset options {sorted(options)}", "only 'start' is known")
        if "start" not in options:
            return None
        low, high = self.window.start, self.window.last
        if not low <= options["start"] < high:
            raise UsageError(
                f"start {options['start']} is not inside the window", f"use {low} to {high - 1}"
            )
        return int(options["start"])

    def begin(self, rows: Int64, starts: Int64 | int) -> None:
        """Start new episodes of the environments `rows` at the bars `starts`."""
        state, params = self.state, self.params
        first = np.asarray(starts)
        limit = first + params.max_steps if params.max_steps_from_start else params.max_steps
        state.bar[rows] = first
        state.last_bar[rows] = np.minimum(limit, self.window.last)
        for dollars in (state.cash, state.equity, state.peak):
            dollars[rows] = params.initial_balance
        for counter in (state.steps, state.trades_today, state.total_trades):
            counter[rows] = 0
        for tally in (state.wins, state.losses, state.shares, state.entry_price):
            tally[rows] = 0
        state.last_trade[rows] = rules.NEVER_TRADED

    def observe(self) -> Float32:
        """Observations of all, a fresh (B, D) f32."""
        observation = np.empty((self.num_envs, *self.observation_space.shape), np.float32)
        self.observe_into(observation, np.arange(self.num_envs))
        return observation

    def observe_into(self, observation: Float32, rows: Int64) -> None:
        """Write the observations of `rows` into the same rows of `observation` (B, D)."""
        kernel.observe_batch(self._setup, self.state, rows, observation)

    def step(self, actions: NDArray[Any], idle: Bool | None = None) -> kernel.Outputs:
        """Step every environment that is not `idle`; idle ones are only observed.

        Args:
            actions: (B, A) of any integer type, 0 HOLD, 1 BUY, 2 SELL.
            idle: (B,) bool.

        Raises:
            UsageError: a wrong shape, type or value; no environment has moved then.
        """
        chosen = self._checked(actions)
        if self.market.occupant is not None:
            chosen = chosen.copy()  # the kernel voids those whose slot is handed over
        count = self.num_envs
        out = kernel.Outputs(
            observation=np.empty((count, *self.observation_space.shape), np.float32),
            reward=np.zeros(count),
            terminated=np.zeros(count, np.bool_),
            truncated=np.zeros(count, np.bool_),
            attempts=np.zeros(count, np.int64),
            trade_terms=np.zeros(count),
            turnover=np.zeros(count),
            costs=np.zeros(count),
        )
        resting = self._nobody if idle is None else idle
        invalid = kernel.step_batch(self._setup, self.state, chosen, resting, out)
        if invalid >= 0:
            row, asset = divmod(invalid, self.market.num_assets)
            raise UsageError(
                f"action {chosen[row, asset]} for {self.market.symbols[asset]} "
                f"in environment {row}",
                "0 HOLD, 1 BUY or 2 SELL is needed",
            )
        return out

    def account(self) -> dict[str, NDArray[Any]]:
        """Copies of what infos report, each (B,)."""
        names = ("equity", "cash", "peak", "total_trades", "wins", "losses")
        return {name: getattr(self.state, name).copy() for name in names}

    def _checked(self, actions: NDArray[Any]) -> Int64:
        given = np.asarray(actions)
        wanted = (self.num_envs, self.market.num_assets)
        if given.shape != wanted or given.dtype.kind not in "iu":
            raise UsageError(
                f"actions are {given.dtype} {given.shape}", f"integers of shape {wanted} are needed"
            )
        return np.ascontiguousarray(given, np.int64)


def _observation_space(market: Market, observation: Observation) -> Box:
    assets = market.num_assets
    if observation == "full":
        return Box(
            -FEATURE_LIMIT, FEATURE_LIMIT, (full_size(assets, market.num_features),), np.float32
        )
    low, high = np.zeros(compact_size(assets)), np.ones(compact_size(assets))
    high[0] = market.num_bars - 1
    low[-2], high[-2] = -1.0, 5.0  # total return
    return Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def _empty_state(count: int, assets: int) -> kernel.State:
    one, each = (count,), (count, assets)
    return kernel.State(
        bar=np.zeros(one, np.int64),
        steps=np.zeros(one, np.int64),
        last_bar=np.zeros(one, np.int64),
        cash=np.zeros(one),
        equity=np.zeros(one),
        peak=np.zeros(one),
        trades_today=np.zeros(one, np.int64),
        total_trades=np.zeros(one, np.int64),
        wins=np.zeros(one, np.int64),
        losses=np.zeros(one, np.int64),
        shares=np.zeros(each),
        entry_price=np.zeros(each),
        last_trade=np.zeros(each, np.int64),
    )


def _setup(market: Market, params: V6Params) -> kernel.Setup:
    volume = volatility = np.zeros((1, 1))
    reads_liquidity = params.slippage.reads_liquidity
    if reads_liquidity:
        volume = market.require("volume", f"slippage_model: {params.slippage_model}")
        volatility = market.require("volatility", f"slippage_model: {params.slippage_model}")
    prices = market.close
    if params.fill_lag:
        prices = market.require("open", "fill_lag 1 (fills at the next bar's open)")
    occupant, exit_price = np.zeros((0, 0), np.int64), np.zeros((0, 0))
    if market.occupant is not None:
        if not params.fill_lag:
            raise ConfigError(
                "V6 parameter fill_lag is 0",
                "slots change names between a decision and its fill at the next open",
                "use the default preset",
            )
        occupant, exit_price = market.occupant, market.require("exit_price", "a slot")
    return kernel.Setup(
        close=_frozen(market.close),
        fill_prices=_frozen(prices),
        tradable=_frozen(market.tradable),
        session=_frozen(market.session),
        reads_liquidity=reads_liquidity,
        volume=_frozen(volume),
        volatility=_frozen(volatility),
        occupant=_frozen(occupant),
        exit_price=_frozen(exit_price),
        table=_frozen(market.table),
        rule=params.rule_params(),
        fill_lag=params.fill_lag,
        seed=0,
    )


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, so that in-memory and memory-mapped Markets share one compiled kernel."""
    view = array.view()
    view.flags.writeable = False
    return view
