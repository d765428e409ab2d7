"""PPO of Stable-Baselines3 on the compiled environments."""

import copy
import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

from cluster.errors import ConfigError, DataError
from envs.adapters.sb3 import SB3VectorEnv
from train.learners.sb3_policy import TablePolicy
from train.learners.sb3_ppo import TablePPO
from train.learners.sb3_snapshot import restore, snapshot
from train.learners.spec import LearnerSpec
from train.market.curriculum import EVERYWHERE, Stage, stage_at
from train.market.stored import check_same_market
from train.policy.networks import Actor

CHECKPOINT = "sb3.pt"


class _LastValues(KVWriter):
    """Keeps what PPO logged last."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0
    ) -> None:
        numbers = {k: float(v) for k, v in key_values.items() if isinstance(v, int | float)}
        self.values.update(numbers)

    def close(self) -> None:
        """Nothing is held open."""


class SB3Learner:
    """One process, one thread: `n_envs` environments stepped in one call."""

    def __init__(self, spec: LearnerSpec) -> None:
        market = spec.load_market()
        training = spec.config.training
        self._curriculum, self._total = spec.config.curriculum, training.total_timesteps
        self._stage, self._fingerprint = EVERYWHERE, spec.fingerprint
        self._env = SB3VectorEnv(
            market,
            spec.config.v6_params(),
            num_envs=training.n_envs,
            observation="compact",
            window=spec.window,
            seed=spec.seed,
        )
        arguments = spec.config.get_ppo_kwargs()
        arguments["policy_kwargs"] = {
            "market": spec.market,
            "fingerprint": spec.fingerprint,
            "shape": spec.network_shape(market),
            "precision": spec.config.network.precision,
        }
        self._model = TablePPO(TablePolicy, self._env, seed=spec.seed, device="auto", **arguments)
        self._last = _LastValues()
        board = TensorBoardOutputFormat(str(spec.log_folder))
        self._model.set_logger(Logger(str(spec.log_folder), [board, self._last]))

    @property
    def num_timesteps(self) -> int:
        """Environment steps taken so far."""
        return int(self._model.num_timesteps)

    def train(self, num_steps: int) -> Mapping[str, float]:
        """Take at least `num_steps` more; PPO's metrics, by their names in TensorBoard."""
        target = self.num_timesteps + num_steps
        while self.num_timesteps < target:
            stage = stage_at(self._curriculum, self._total, self.num_timesteps)
            self._enter(stage)
            part = math.ceil(min(target, stage.end)) - self.num_timesteps
            self._model.learn(part, reset_num_timesteps=False)
        self._model.logger.dump(self.num_timesteps)
        return dict(self._last.values)

    def _enter(self, stage: Stage) -> None:
        """Start new episodes where the phase of the curriculum says."""
        if stage == self._stage:
            return
        self._stage, batch = stage, self._env.batch
        batch.weigh_starts(stage.weights(batch.market, batch.window))
        self._model._last_obs = None  # so that `learn` resets the environments

    def actor(self) -> Actor:
        """A copy of the present policy, on the CPU."""
        return Actor(copy.deepcopy(self._policy.net).cpu())

    def save(self, folder: Path) -> None:
        """Write weights, optimiser, step count and where all stood; no pickled class."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "net": self._policy.net.state_dict(),
            "optimizer": self._policy.optimizer.state_dict(),
            "num_timesteps": self.num_timesteps,
            "fingerprint": self._fingerprint,
            "snapshot": snapshot(self._model, self._env, self._stage),
        }
        torch.save(state, folder / CHECKPOINT)

    def load(self, folder: Path) -> None:
        """Continue from what `save` wrote, step for step as if nothing had happened.

        Raises:
            ConfigError: the checkpoint is of another network or another market.
            DataError: it is damaged, or holds more than tensors and numbers.
        """
        state = _read_tensors(folder / CHECKPOINT, self._model.device)
        check_same_market(state["fingerprint"], self._fingerprint, folder)
        try:
            self._policy.net.load_state_dict(state["net"])
        except RuntimeError as error:
            raise ConfigError(f"{folder} is a checkpoint of another network", str(error)) from error
        self._policy.optimizer.load_state_dict(state["optimizer"])
        self._model.num_timesteps = state["num_timesteps"]
        saved = state.get("snapshot")  # checkpoints of older versions: environments begin anew
        self._stage = (saved and restore(self._model, self._env, saved)) or EVERYWHERE

    def close(self) -> None:
        """Close the TensorBoard file and the environments."""
        self._model.logger.close()
        self._env.close()

    @property
    def _policy(self) -> TablePolicy:
        policy = self._model.policy
        assert isinstance(policy, TablePolicy)
        return policy


def _read_tensors(file: Path, device: torch.device) -> dict[str, Any]:
    """Unpickle tensors and plain values; anything else in the file is refused, never run."""
    try:
        state: dict[str, Any] = torch.load(file, weights_only=True, map_location=device)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        why = str(error).strip().partition("\n")[0]
        raise DataError(f"{file} is no checkpoint", why, "use an older checkpoint") from error
    return state
