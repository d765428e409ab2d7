"""An RLlib EnvRunner that steps one native vector environment with whole-batch tensors.

RLlib's own runner spends 60 to 150 us of Python a step on connectors and episode objects; this one
writes into arrays instead. It bypasses both connector pipelines: no observation filters, no action
clipping, no `on_episode_*` callbacks, no recurrent state. Sampling by episodes, as evaluation
does, takes RLlib's own path.
"""

# RLlib declares much of its own as optional or untyped; what it checks is not ours to mend.
# mypy: disable-error-code="union-attr, no-untyped-call, override, attr-defined, arg-type"

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.framework import get_device

from envs.arrays import Float32, Float64, Int64
from train.learners.gae import generalised_advantages

Array = npt.NDArray[Any]
_VALUE_ROWS = 16_384  # observations a value forward


@dataclass
class EpisodeTally:
    """Running length and return of B environments, and those of the episodes that ended."""

    lengths: Int64  # (B,)
    returns: Float64  # (B,)
    finished: list[tuple[int, float]] = field(default_factory=list)

    @classmethod
    def of(cls, num_envs: int) -> "EpisodeTally":
        """All at zero."""
        return cls(np.zeros(num_envs, np.int64), np.zeros(num_envs))

    def add(self, rewards: Array, valid: Array, done: Array) -> None:
        """Count one step; rows that only reset (not `valid`) do not count."""
        self.lengths += valid
        self.returns += np.where(valid, rewards, 0.0)
        for index in np.flatnonzero(done):
            self.finished.append((int(self.lengths[index]), float(self.returns[index])))
        self.lengths[done] = 0
        self.returns[done] = 0.0


@dataclass
class Rollout:
    """N steps of B environments, each field a list of N arrays with B rows."""

    observations: list[Array] = field(default_factory=list)  # one more: the last one
    actions: list[Array] = field(default_factory=list)  # (B, A)
    logits: list[Array] = field(default_factory=list)  # (B, 3 * A)
    log_probs: list[Array] = field(default_factory=list)
    rewards: list[Array] = field(default_factory=list)
    terminated: list[Array] = field(default_factory=list)
    truncated: list[Array] = field(default_factory=list)
    valid: list[Array] = field(default_factory=list)  # false where the step only reset

    def batch(self, values: Array, *, gamma: float, gae_lambda: float) -> dict[str, Array]:
        """Flat training columns; `values` are (N + 1, B)."""
        advantages = generalised_advantages(
            np.stack(self.rewards).astype(np.float32),
            values,
            np.stack(self.terminated),
            np.stack(self.truncated),
            gamma=gamma,
            gae_lambda=gae_lambda,
        )
        columns = {
            Columns.OBS: np.stack(self.observations[:-1]),
            Columns.ACTIONS: np.stack(self.actions),
            Columns.ACTION_DIST_INPUTS: np.stack(self.logits),
            Columns.ACTION_LOGP: np.stack(self.log_probs),
            Postprocessing.ADVANTAGES: advantages,
            Postprocessing.VALUE_TARGETS: advantages + values[:-1],
        }
        valid = np.stack(self.valid)
        return {name: column[valid] for name, column in columns.items()}


class BatchedEnvRunner(SingleAgentEnvRunner):
    """Returns one dictionary of flat arrays, advantages included, for `BatchedPPO`."""

    _tally: EpisodeTally

    def __init__(
        self, *, config: AlgorithmConfig, worker_index: int | None = None, **kwargs: Any
    ) -> None:
        """Seed by ourselves: RLlib also asks torch for deterministic algorithms.

        Those cost 70 MB of compiler imports and fill every new tensor; on a CPU with one thread
        they change no result.
        """
        seed = None if config.seed is None else config.seed + (worker_index or 0)
        if seed is not None:
            torch.manual_seed(seed)
        unseeded = config.copy(copy_frozen=False).debugging(seed=None)
        super().__init__(config=unseeded, worker_index=worker_index, **kwargs)
        self._seed = seed

    def make_module(self) -> None:
        """In the learner's own process, sample on the learner's device."""
        if not self.worker_index and self.config.num_learners == 0:
            self._device = get_device(self.config, self.config.num_gpus_per_learner)
        super().make_module()

    def _sample(
        self,
        *,
        num_timesteps: int | None = None,
        num_episodes: int | None = None,
        explore: bool,
        random_actions: bool = False,
        force_reset: bool = False,
    ) -> Any:
        if num_timesteps is None or random_actions:
            return super()._sample(
                num_timesteps=num_timesteps,
                num_episodes=num_episodes,
                explore=explore,
                random_actions=random_actions,
                force_reset=force_reset,
            )
        if force_reset or self._needs_initial_reset:
            self._restart()
        with torch.inference_mode():
            rollout = self._collect(num_timesteps)
            values = self._values(np.stack(rollout.observations))
        config = self.config
        batch = rollout.batch(values, gamma=config.gamma, gae_lambda=config.lambda_)
        self._log(len(batch[Columns.ACTION_LOGP]))
        return batch

    def _restart(self) -> None:
        """Reset every environment; RLlib's wrapper, which rewrites infos, is left aside."""
        self._native = self.env.env
        self._observation, _ = self._native.reset(seed=self._seed)
        self._was_done = np.zeros(self.num_envs, np.bool_)
        self._tally = EpisodeTally.of(self.num_envs)
        self._needs_initial_reset = False

    def _collect(self, num_timesteps: int) -> Rollout:
        """Step until there are `num_timesteps` real steps, so that one round is always enough."""
        rollout = Rollout()
        distribution = self.module.get_exploration_action_dist_cls()
        steps = 0
        while steps < num_timesteps:
            observation = torch.from_numpy(self._observation).to(self._device)
            output = self.module.forward_exploration({Columns.OBS: observation})
            logits = output[Columns.ACTION_DIST_INPUTS]
            choices = distribution.from_logits(logits)
            actions = choices.sample()
            rollout.observations.append(self._observation)
            rollout.logits.append(logits.cpu().numpy())
            rollout.log_probs.append(choices.logp(actions).cpu().numpy())
            rollout.actions.append(actions.cpu().numpy())
            steps += self._step(rollout)
        rollout.observations.append(self._observation)
        return rollout

    def _step(self, rollout: Rollout) -> int:
        """Step the environments with the newest actions; how many of them really moved."""
        self._observation, rewards, terminated, truncated, _ = self._native.step(
            rollout.actions[-1]
        )
        valid = ~self._was_done
        rollout.rewards.append(rewards)
        rollout.terminated.append(terminated)
        rollout.truncated.append(truncated)
        rollout.valid.append(valid)
        self._was_done = terminated | truncated
        self._tally.add(rewards, valid, self._was_done)
        return int(valid.sum())

    def _values(self, observations: Array) -> Float32:
        """(N + 1, B, A + 4) -> (N + 1, B)."""
        flat = torch.from_numpy(observations.reshape(-1, observations.shape[-1]))
        parts = [
            self.module.compute_values({Columns.OBS: rows.to(self._device)}).cpu()
            for rows in flat.split(_VALUE_ROWS)
        ]
        values: Float32 = torch.cat(parts).numpy()
        return values.reshape(observations.shape[:2])

    def _log(self, steps: int) -> None:
        """What RLlib's stop criteria and throughput are computed from."""
        finished, self._tally.finished = self._tally.finished, []
        self._log_env_steps(metric=self._metrics_num_env_steps_sampled, num_steps=steps)
        self._increase_sampled_metrics(steps, len(finished))
        for length, total in finished:
            self._log_episode_metrics(length, total, 0.0)
