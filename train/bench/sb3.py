"""Stable-Baselines3 as the original ran it: a process an environment, each a scalar Python V6."""

import importlib.util
import os
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import SubprocVecEnv

from cluster.errors import UsageError
from envs import Market, V6Params
from envs.arrays import Float32
from envs.observation import full_size
from features.compute.feature_limit import FEATURE_LIMIT
from train.learners.spec import LearnerSpec

ORIGINAL_PROCESSES = 16

Observation = Float32


def scalar_environment(file: Path) -> type[Any]:
    """The class `ScalarV6` of a Python file; see `envs.bench.bench_env` for what it offers.

    Raises:
        UsageError: there is no such file.
    """
    spec = importlib.util.spec_from_file_location(file.stem, file) if file.is_file() else None
    if spec is None or spec.loader is None:
        raise UsageError(
            f"{file} is no Python file",
            "the original's layout is measured with the scalar V6 of the tests",
            "run `ploutos bench train` in a checkout",
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scalar: type[Any] = module.ScalarV6
    return scalar


class ScalarEnv(gym.Env[Observation, npt.NDArray[Any]]):
    """One scalar V6 with full observations as a Gymnasium environment."""

    def __init__(self, scalar: type[Any], market: Market, params: V6Params) -> None:
        self._v6 = scalar(market, params)
        self._table = market.table
        width = full_size(market.num_assets, market.num_features)
        self.observation_space = gym.spaces.Box(-FEATURE_LIMIT, FEATURE_LIMIT, (width,), np.float32)
        self.action_space = gym.spaces.MultiDiscrete([3] * market.num_assets)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start anywhere in the Market."""
        super().reset(seed=seed)
        self._v6.reset(int(self.np_random.integers(0, len(self._table) - 1)))
        return self._observation(), {}

    def step(
        self, action: npt.NDArray[Any]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One bar."""
        out = self._v6.step(action.tolist())
        return self._observation(), out.reward, out.terminated, out.truncated, {}

    def _observation(self) -> Observation:
        return np.concatenate([self._table[self._v6.t], self._v6.tail()], dtype=np.float32)


class OriginalLayout:
    """PPO with `MlpPolicy` over 16 processes, at the PPO parameters and the rollout of `spec`."""

    def __init__(self, spec: LearnerSpec, scalar_file: Path) -> None:
        market, params = spec.load_market(), spec.config.v6_params()
        scalar = scalar_environment(scalar_file)

        def make() -> ScalarEnv:
            return ScalarEnv(scalar, market, params)

        # Forked, the processes share what is imported; started anew they would need a minute.
        self._env = SubprocVecEnv([make] * ORIGINAL_PROCESSES, start_method="fork")
        training = spec.config.training
        arguments = spec.config.get_ppo_kwargs()
        arguments["n_steps"] = training.n_envs * training.n_steps // ORIGINAL_PROCESSES
        self._model = PPO("MlpPolicy", self._env, seed=spec.seed, device="cpu", **arguments)

    def iterate(self) -> int:
        """Take one rollout and learn from it; its environment steps."""
        before = self._model.num_timesteps
        self._model.learn(1, reset_num_timesteps=False)
        return int(self._model.num_timesteps - before)

    def seconds(self) -> float:
        """CPU seconds of this process plus the environments', those spread over all cores.

        The learner waits while the environments step, so this is what a wall clock would show at
        best, on an idle machine. On a busy one the wall would favour the side of more processes.
        """
        environments = sum(_cpu_seconds(process.pid) for process in self._env.processes)
        return time.process_time() + environments / (os.cpu_count() or 1)

    def close(self) -> None:
        """End the processes."""
        self._env.close()


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
