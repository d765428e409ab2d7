"""One rollout of Stable-Baselines3's PPO, kept on the device that learns from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import Tensor

Array = npt.NDArray[Any]


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
