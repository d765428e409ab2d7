"""Generalised advantage estimation over a whole batch of environments at once."""

import numpy as np

from envs.arrays import Bool, Float32


def generalised_advantages(
    rewards: Float32,  # (N, B)
    values: Float32,  # (N + 1, B): of every observation, the last one included
    terminated: Bool,  # (N, B)
    truncated: Bool,  # (N, B)
    *,
    gamma: float,
    gae_lambda: float,
) -> Float32:
    """Advantages (N, B); Schulman et al. (2016), arXiv 1506.02438, equation 16.

    `values[n + 1]` must be of the observation that step n led to, so environments reset in the
    step after an episode's end (gymnasium's NEXT_STEP). That makes a truncated episode bootstrap
    from its own last observation, and a terminated one from nothing. The advantages of the reset
    steps themselves mean nothing: leave them out.
    """
    alive = (~terminated).astype(np.float32)
    goes_on = (~(terminated | truncated)).astype(np.float32)
    deltas = rewards + gamma * alive * values[1:] - values[:-1]
    advantages = np.empty_like(deltas)
    running = np.zeros(rewards.shape[1], np.float32)
    for step in range(len(rewards) - 1, -1, -1):
        running = deltas[step] + gamma * gae_lambda * goes_on[step] * running
        advantages[step] = running
    return advantages
