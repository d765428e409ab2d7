"""B environments as one Gymnasium `VectorEnv` with NEXT_STEP autoreset."""

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from cluster.errors import UsageError
from envs.arrays import Bool, Float32, Float64
from envs.batch import EnvironmentBatch, Observation
from envs.market import Market
from envs.params import V6Params
from envs.window import Window

Step = tuple[
    Float32,
    Float64,
    Bool,
    Bool,
    dict[str, NDArray[Any]],
]


class TradingVectorEnv(VectorEnv[Float32, NDArray[Any], NDArray[Any]]):
    """V6, B at a time.

    An environment whose episode ended ignores its next action: that step returns the first
    observation of its new episode, with reward 0. Terminated (ruin) and truncated (time) are never
    merged. `infos` hold arrays (B,): equity, cash, peak (USD), total_trades, wins, losses and,
    of a step, trade_terms, turnover and costs (USD).

    Args:
        market: The bars.
        params: V6 parameters; None for the `default` preset.
        num_envs: B.
        observation: `compact`: [t] + account, (B, A + 4); `full`: (B, A*F + A + 3).
        window: The bars that episodes may see; the whole Market if None.
        start_weights: (T,) of the bars as first ones; see `EnvironmentBatch.weigh_starts`.

    Raises:
        UsageError: a window outside the Market, no environment, or an unknown observation.
        DataError: the Market lacks an array that `params` needs.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (the base class declares it so)
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        market: Market,
        params: V6Params | None = None,
        num_envs: int = 1,
        observation: Observation = "compact",
        window: Window | None = None,
        *,
        start_weights: Float64 | None = None,
    ) -> None:
        self.batch = EnvironmentBatch(
            market, params or V6Params.default(), num_envs, observation, window
        )
        self.batch.weigh_starts(start_weights)
        self.num_envs = num_envs
        self.single_observation_space = self.batch.observation_space
        self.single_action_space = self.batch.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._ended: Bool | None = None

    @property
    def rules_seed(self) -> int:
        """Seed of the slippage draws; environment b draws from the stream (rules_seed, b)."""
        return self.batch.rules_seed

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, NDArray[Any]]]:
        """Start B new episodes.

        Args:
            seed: Of the starts and of the slippage draws; without one the generator goes on.
            options: `{"start": bar}`: the first bar, for all; else the preset chooses.

        Raises:
            UsageError: a seed that is no single integer, or a start outside the window.
        """
        if isinstance(seed, list):
            raise UsageError("reset got a list of seeds", "one seed drives the whole batch")
        start = self.batch.given_start(options)
        super().reset(seed=seed)
        self.batch.seed_slippage(int(self.np_random.integers(2**31)) if seed is None else int(seed))
        if start is None:
            starts = self.batch.draw_starts(self.np_random, self.num_envs)
        else:
            starts = np.full(self.num_envs, start)
        self.batch.begin(np.arange(self.num_envs), starts)
        self._ended = np.zeros(self.num_envs, np.bool_)
        return self.batch.observe(), self.batch.account()

    def step(self, actions: NDArray[Any]) -> Step:
        """Take one step everywhere; see the class for what happens after an episode's end.

        Args:
            actions: (B, A) of any integer type, 0 HOLD, 1 BUY, 2 SELL.

        Returns:
            Observation (B, D) f32, reward (B,) f64, terminated (B,), truncated (B,), infos.

        Raises:
            UsageError: no reset before, or actions of a wrong shape, type or value.
        """
        if self._ended is None:
            raise UsageError("step was called before reset", next_command="call env.reset() first")
        rows = np.flatnonzero(self._ended)
        if rows.size:
            self.batch.begin(rows, self.batch.draw_starts(self.np_random, rows.size))
        out = self.batch.step(actions, idle=self._ended)
        self._ended = out.terminated | out.truncated
        infos = self.batch.account()
        infos.update(trade_terms=out.trade_terms, turnover=out.turnover, costs=out.costs)
        return out.observation, out.reward, out.terminated, out.truncated, infos
