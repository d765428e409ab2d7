"""B environments as one Stable-Baselines3 `VecEnv`, with SAME_STEP autoreset."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from cluster.errors import UsageError
from envs.arrays import Float32, Float64
from envs.batch import EnvironmentBatch, Observation
from envs.market import Market
from envs.params import V6Params
from envs.window import Window


class SB3VectorEnv(VecEnv):
    """V6, B at a time, as Stable-Baselines3 expects it.

    The step that ends an episode already returns the first observation of the next one; its info
    holds `terminal_observation`, `TimeLimit.truncated` and `episode` (r, l, t). While nobody ends,
    every step returns the same list of the same empty dict: nothing may write into it.

    Args:
        market: The bars.
        params: V6 parameters.
        num_envs: B.
        observation: `compact`: [t] + account, (B, A + 4); `full`: (B, A*F + A + 3).
        window: The bars that episodes may see; the whole Market if None.
        seed: Of the starts and of the slippage draws.
        start_weights: (T,) of the bars as first ones; see `EnvironmentBatch.weigh_starts`.
    """

    def __init__(
        self,
        market: Market,
        params: V6Params,
        num_envs: int,
        *,
        observation: Observation = "compact",
        window: Window | None = None,
        seed: int = 0,
        start_weights: Float64 | None = None,
    ) -> None:
        self.batch = EnvironmentBatch(market, params, num_envs, observation, window)
        self.batch.weigh_starts(start_weights)
        self.render_mode = None
        super().__init__(num_envs, self.batch.observation_space, self.batch.action_space)
        self.seed(seed)
        self._nothing_to_say: list[dict[str, Any]] = [{}] * num_envs
        self._returns = np.zeros(num_envs)  # (B,), reward summed over the running episode
        self._actions: NDArray[Any] = np.empty(0)
        self._born = time.monotonic()

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Start the generator anew; takes effect for the next episodes."""
        self._random = np.random.default_rng(seed)
        self.batch.seed_slippage(int(self._random.integers(2**31)) if seed is None else seed)
        return [seed] * self.num_envs

    def reset(self) -> Float32:  # type: ignore[override]  # a plain array, no dict
        """Start B new episodes; returns their observations (B, D)."""
        starts = self.batch.draw_starts(self._random, self.num_envs)
        self.batch.begin(np.arange(self.num_envs), starts)
        self._returns[:] = 0.0
        self._reset_seeds()
        self._reset_options()
        return self.batch.observe()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions (B, A) for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Take the step; returns observation (B, D), reward (B,) f32, done (B,) and infos."""
        out = self.batch.step(self._actions)
        self._returns += out.reward
        done = out.terminated | out.truncated
        infos = self._nothing_to_say
        if done.any():
            ended = np.flatnonzero(done)
            infos = list(infos)
            for row in ended.tolist():
                infos[row] = {
                    "terminal_observation": out.observation[row].copy(),
                    "TimeLimit.truncated": bool(out.truncated[row] and not out.terminated[row]),
                    "episode": self._episode(row),
                }
            self._returns[ended] = 0.0
            self.batch.begin(ended, self.batch.draw_starts(self._random, ended.size))
            self.batch.observe_into(out.observation, ended)
        return out.observation, out.reward.astype(np.float32), done, infos

    def get_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Copies of all accounts by name, and the generator of the starts as plain values."""
        accounts = {name: array.copy() for name, array in self.batch.state._asdict().items()}
        generator: dict[str, Any] = dict(self._random.bit_generator.state)
        return accounts | {"returns": self._returns.copy()}, generator

    def set_state(self, accounts: dict[str, NDArray[Any]], generator: dict[str, Any]) -> None:
        """Go on from what `get_state` gave, in a batch of the same size and seed."""
        for name, array in self.batch.state._asdict().items():
            array[:] = accounts[name]
        self._returns[:] = accounts["returns"]
        self._random.bit_generator.state = generator

    def _episode(self, row: int) -> dict[str, float]:
        state = self.batch.state
        return {
            "r": float(self._returns[row]),
            "l": int(state.steps[row]),
            "t": round(time.monotonic() - self._born, 6),
            "equity": float(state.equity[row]),
            "trades": int(state.total_trades[row]),
        }

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute of the batch, once for every environment asked for."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused: the environments are no objects of their own."""
        raise UsageError(f"cannot set {attr_name}", "the environments of a batch share one Market")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Refused: the environments are no objects of their own."""
        raise UsageError(f"cannot call {method_name}", "the environments of a batch are no objects")

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        """No environment is wrapped; a Monitor is not needed, infos hold `episode`."""
        return [False] * len(list(self._get_indices(indices)))
