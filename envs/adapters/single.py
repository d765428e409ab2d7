"""One environment as a plain Gymnasium `Env`, over the same kernel."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from envs.arrays import Float32
from envs.batch import EnvironmentBatch, Observation
from envs.market import Market
from envs.params import V6Params
from envs.window import Window


class TradingEnv(gymnasium.Env[Float32, NDArray[Any]]):
    """V6, one at a time; equals environment 0 of a `TradingVectorEnv` with the same seed.

    Args:
        market: The bars.
        params: V6 parameters; None for the `default` preset.
        observation: `full`: (A*F + A + 3,); `compact`: [t] + account, (A + 4,).
        window: The bars that episodes may see; the whole Market if None.

    Raises:
        UsageError: a window outside the Market, or an unknown observation.
        DataError: the Market lacks an array that `params` needs.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (declared so by Env)

    def __init__(
        self,
        market: Market,
        params: V6Params | None = None,
        observation: Observation = "full",
        window: Window | None = None,
    ) -> None:
        self.batch = EnvironmentBatch(market, params or V6Params.default(), 1, observation, window)
        self.observation_space = self.batch.observation_space
        self.action_space = self.batch.action_space
        self._running = False

    @property
    def rules_seed(self) -> int:
        """Seed of the slippage draws."""
        return self.batch.rules_seed

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Start a new episode; `options={"start": bar}` gives its first bar.

        Raises:
            UsageError: a start outside the window, or an unknown option.
        """
        start = self.batch.given_start(options)
        super().reset(seed=seed)
        self.batch.seed_slippage(int(self.np_random.integers(2**31)) if seed is None else seed)
        starts = self.batch.draw_starts(self.np_random, 1) if start is None else np.array([start])
        self.batch.begin(np.array([0]), starts)
        self._running = True
        return self.batch.observe()[0], self._account()

    def step(self, action: NDArray[Any]) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Take one step with an action (A,), 0 HOLD, 1 BUY, 2 SELL.

        Raises:
            ResetNeeded: the episode is over, or none has begun.
            UsageError: an action of a wrong shape, type or value.
        """
        if not self._running:
            raise ResetNeeded("no episode is running: call env.reset() first")
        out = self.batch.step(np.asarray(action)[None])
        terminated, truncated = bool(out.terminated[0]), bool(out.truncated[0])
        self._running = not (terminated or truncated)
        infos = self._account()
        infos["trade_terms"] = float(out.trade_terms[0])
        infos["turnover"], infos["costs"] = float(out.turnover[0]), float(out.costs[0])
        return out.observation[0], float(out.reward[0]), terminated, truncated, infos

    def _account(self) -> dict[str, Any]:
        return {name: values[0].item() for name, values in self.batch.account().items()}
