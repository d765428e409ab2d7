"""Stable-Baselines3's PPO with rollouts of whole batches on one device.

Needs torch, numpy, numba, gymnasium and Stable-Baselines3 alone: it also runs where nothing else of
Ploutos's packages is installed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from envs.arrays import Float32
from train.learners.gae import generalised_advantages
from train.learners.sb3_policy import TablePolicy
from train.policy.distribution import Choices

Array = npt.NDArray[Any]
_VALUE_ROWS = 16_384  # observations a value forward


@dataclass
class Steps:
    """N steps of B environments, each field a list of N arrays with B rows."""

    observations: list[Tensor] = field(default_factory=list)  # (B, A + 4); one more: the last one
    logits: list[Tensor] = field(default_factory=list)  # (B, 3, A)
    actions: list[Tensor] = field(default_factory=list)  # (B, A) u8
    rewards: list[Array] = field(default_factory=list)  # f32
    dones: list[Array] = field(default_factory=list)
    truncated: list[tuple[int, int]] = field(default_factory=list)  # step, environment
    last_observations: list[Array] = field(default_factory=list)  # (A + 4,) of each truncated one

    def add_ends(self, dones: Array, infos: list[dict[str, Any]]) -> None:
        """Note which environments ended in the newest step, and what the truncated ones saw."""
        self.dones.append(dones)
        for row in np.flatnonzero(dones).tolist():
            if infos[row]["TimeLimit.truncated"]:
                self.truncated.append((len(self.dones) - 1, row))
                self.last_observations.append(infos[row]["terminal_observation"])


class DeviceRollout(RolloutBuffer):
    """Flat tensors on one device; minibatches are gathered there, nothing is copied to it."""

    samples: RolloutBufferSamples
    minibatches = 0  # handed out so far

    def reset(self) -> None:
        """Forget the last rollout; there is nothing to allocate."""
        self.full = False
        self.pos = 0

    def fill(self, samples: RolloutBufferSamples) -> None:
        """Take a whole rollout; every tensor has N * B rows."""
        self.samples = samples
        self.values = samples.old_values.cpu().numpy()
        self.returns = samples.returns.cpu().numpy()
        self.full = True

    def get(self, batch_size: int | None = None) -> Iterator[RolloutBufferSamples]:  # type: ignore[override]
        """The rollout in minibatches, shuffled anew."""
        count = len(self.samples.returns)
        shuffled = torch.randperm(count, device=self.device)
        for rows in torch.split(shuffled, batch_size or count):
            self.minibatches += 1
            yield RolloutBufferSamples(
                *(column[rows] for column in self.samples if column is not None)
            )


class TablePPO(PPO):
    """PPO of a `TablePolicy`; the loss and the updates are the library's own.

    While it samples, only actions are computed. The values of all observations, those at the end
    of truncated episodes among them, follow in a few large forwards at the end of the rollout.
    """

    policy: TablePolicy
    rollout_buffer: DeviceRollout

    def _setup_model(self) -> None:
        self.rollout_buffer_class = DeviceRollout
        super()._setup_model()

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        """Take `n_rollout_steps` of every environment; False if the callback ends the training."""
        assert isinstance(rollout_buffer, DeviceRollout)
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        steps = Steps()
        with torch.no_grad():
            for _ in range(n_rollout_steps):
                if not self._step(env, callback, steps):
                    return False
            steps.observations.append(self._seen())
            rollout_buffer.fill(self._samples(steps))
        callback.on_rollout_end()
        return True

    def _seen(self) -> Tensor:
        """What the environments show now, (B, A + 4) on the device."""
        return torch.from_numpy(self._last_obs).to(self.device)

    def _step(self, env: VecEnv, callback: BaseCallback, steps: Steps) -> bool:
        """Step the environments once."""
        observation = self._seen()
        logits = self.policy.reader.logits(observation)
        actions = Choices(logits).sample()
        seen, rewards, dones, infos = env.step(actions.cpu().numpy())
        assert isinstance(seen, np.ndarray)
        self._last_obs, self._last_episode_starts = seen, dones
        self.num_timesteps += env.num_envs
        callback.update_locals(locals())
        if not callback.on_step():
            return False
        ended = np.flatnonzero(dones)
        self._update_info_buffer([infos[row] for row in ended], dones[ended])
        steps.observations.append(observation)
        steps.logits.append(logits)
        steps.actions.append(actions.to(torch.uint8))
        steps.rewards.append(rewards)
        steps.add_ends(dones, infos)
        return True

    def _samples(self, steps: Steps) -> RolloutBufferSamples:
        """Training columns of N * B rows."""
        rewards = np.stack(steps.rewards)
        values = self._values(steps, rewards)
        dones = np.stack(steps.dones)
        advantages = generalised_advantages(
            rewards,
            values,
            terminated=dones,
            truncated=np.zeros_like(dones),
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
        )
        actions = torch.cat(steps.actions)
        return RolloutBufferSamples(
            observations=torch.cat(steps.observations[:-1]),
            actions=actions,
            old_values=self._column(values[:-1]),
            old_log_prob=Choices(torch.cat(steps.logits)).log_prob(actions),
            advantages=self._column(advantages),
            returns=self._column(advantages + values[:-1]),
        )

    def _values(self, steps: Steps, rewards: Float32) -> Float32:
        """Values (N + 1, B) of what was seen; truncated steps' `rewards` gain what was to come."""
        seen = torch.cat(steps.observations)
        ends = torch.from_numpy(np.array(steps.last_observations, np.float32))
        asked = torch.cat([seen, ends.reshape(-1, seen.shape[1]).to(self.device)])
        parts = [self.policy.predict_values(rows) for rows in torch.split(asked, _VALUE_ROWS)]
        values: Float32 = torch.cat(parts).squeeze(-1).cpu().numpy()
        for (step, row), value in zip(steps.truncated, values[len(seen) :], strict=True):
            rewards[step, row] += self.gamma * value
        return values[: len(seen)].reshape(-1, rewards.shape[1])

    def _column(self, array: Float32) -> Tensor:
        """(N, B) -> (N * B,) on the device."""
        return torch.from_numpy(array.reshape(-1)).to(self.device)
