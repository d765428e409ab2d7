"""RLlib's PPO, its episodes starting where it is told, on runners of either kind.

`BatchedPPO` is fed by `BatchedEnvRunner`: the same loss and learner, no episode objects.
"""

# RLlib declares much of its own as optional or untyped; what it checks is not ours to mend.
# mypy: disable-error-code="union-attr, no-untyped-call, override, attr-defined, arg-type"

from functools import partial
from typing import Any

import numpy as np
from ray.rllib.algorithms.ppo import PPO
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from ray.rllib.utils.metrics import (
    ALL_MODULES,
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from envs.arrays import Float64

Weights = Float64  # (T,) of the bars


class WeightedStartsPPO(PPO):
    """PPO whose environments start where it is told."""

    _start_weights: Weights | None = None

    def weigh_starts(self, weights: Weights | None) -> None:
        """Start new episodes everywhere, at each bar in proportion to its weight."""
        self._start_weights = weights
        self.env_runner_group.foreach_env_runner(partial(_start_by, weights=weights))

    def restore_env_runners(self, env_runner_group: Any) -> list[int]:
        """Have failed runners replaced; a new one knows the policy, but not where to start."""
        restored: list[int] = super().restore_env_runners(env_runner_group)
        if restored and self._start_weights is not None:
            env_runner_group.foreach_env_runner(
                partial(_start_by, weights=self._start_weights),
                local_env_runner=False,
                remote_worker_ids=restored,
            )
        return restored


class BatchedPPO(WeightedStartsPPO):
    """One round of sampling on every runner, one update, one synchronisation of weights."""

    def training_step(self) -> None:
        """As PPO's own, with arrays where PPO has episodes."""
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            batches = self._sample_once()
        if not batches:  # every runner failed; RLlib restarts them
            return
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            results = self._update(_joined(batches))
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):
            self.env_runner_group.sync_weights(
                from_worker_or_learner_group=self.learner_group,
                policies=set(results[0].keys()) - {ALL_MODULES},
                inference_only=False,  # runners compute values, too
            )

    def _sample_once(self) -> list[dict[str, Any]]:
        group = self.env_runner_group
        if group.num_remote_workers() == 0:
            runner = group.local_env_runner
            samples = [(runner.sample(), runner.get_metrics())]
        else:
            samples = group.foreach_env_runner(
                lambda runner: (runner.sample(), runner.get_metrics()), local_env_runner=False
            )
        self.metrics.aggregate([metrics for _, metrics in samples], key=ENV_RUNNER_RESULTS)
        return [batch for batch, _ in samples]

    def _update(self, batch: dict[str, Any]) -> Any:
        steps = self.metrics.peek((ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME))
        results = self.learner_group.update(
            batch=MultiAgentBatch(
                {DEFAULT_MODULE_ID: SampleBatch(batch)}, env_steps=len(batch[Columns.ACTION_LOGP])
            ),
            timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: steps},
            num_epochs=self.config.num_epochs,
            minibatch_size=self.config.minibatch_size,
            shuffle_batch_per_epoch=self.config.shuffle_batch_per_epoch,
        )
        self.metrics.aggregate(results, key=LEARNER_RESULTS)
        return results


def _joined(batches: list[dict[str, Any]]) -> dict[str, Any]:
    """All runners' columns one after another, the advantages standardised over all of them."""
    batch = {name: np.concatenate([part[name] for part in batches]) for name in batches[0]}
    advantages = batch[Postprocessing.ADVANTAGES]
    batch[Postprocessing.ADVANTAGES] = (advantages - advantages.mean()) / max(
        1e-4, float(advantages.std())
    )
    return batch


def _start_by(runner: Any, weights: Weights | None) -> None:
    """Reset the environments of a runner, their starts weighted; the driver's may have none."""
    if runner.env is not None:
        runner.env.unwrapped.batch.weigh_starts(weights)
        runner._needs_initial_reset = True
