"""Where the episodes of RLlib's runners start, also of those that replace others."""

# RLlib declares much of its own as optional or untyped; what it checks is not ours to mend.
# mypy: disable-error-code="union-attr, no-untyped-call, override, attr-defined, arg-type"

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from ray.rllib.algorithms.ppo import PPO

Weights = npt.NDArray[np.float64]  # (T,) of the bars


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


def _start_by(runner: Any, weights: Weights | None) -> None:
    """Reset the environments of a runner, their starts weighted; the driver's may have none."""
    if runner.env is not None:
        runner.env.unwrapped.batch.weigh_starts(weights)
        runner._needs_initial_reset = True
