"""Where a training of Stable-Baselines3 stood, so that it goes on as if it had never stopped.

Tensors, numbers and text only: a checkpoint is read without running anything.
"""

import json
from typing import Any

import numpy as np
import torch

from envs.adapters.sb3 import SB3VectorEnv
from train.learners.sb3_ppo import TablePPO
from train.market.curriculum import Stage


def snapshot(model: TablePPO, env: SB3VectorEnv, stage: Stage) -> dict[str, Any]:
    """Everything besides weights and optimiser that the next steps depend on.

    Args:
        model: the learner; what it saw last follows from the accounts.
        env: its environments.
        stage: the phase of the curriculum that they started in.
    """
    accounts, generator = env.get_state()
    saved: dict[str, Any] = {
        "began": model._last_obs is not None,
        "accounts": {name: torch.from_numpy(array) for name, array in accounts.items()},
        "starts": json.dumps(generator),
        "stage": (stage.starts, stage.end),
        "draws": torch.get_rng_state(),
    }
    if model.device.type == "cuda":
        saved["device_draws"] = torch.cuda.get_rng_state(model.device)
    return saved


def restore(model: TablePPO, env: SB3VectorEnv, saved: dict[str, Any]) -> Stage | None:
    """Put everything back; the phase of the curriculum, None where environments begin anew.

    They do so where training had not begun, and where a population passed the checkpoint on to a
    trial with another number of environments.
    """
    accounts = {name: array.cpu().numpy() for name, array in saved["accounts"].items()}
    if not saved["began"] or len(accounts["bar"]) != env.num_envs:
        return None
    stage = Stage(*saved["stage"])
    env.batch.weigh_starts(stage.weights(env.batch.market, env.batch.window))
    env.set_state(accounts, json.loads(saved["starts"]))
    model._last_obs = env.batch.observe()
    model._last_episode_starts = np.zeros(env.num_envs, np.bool_)
    torch.set_rng_state(saved["draws"].cpu())
    if "device_draws" in saved and model.device.type == "cuda":
        torch.cuda.set_rng_state(saved["device_draws"].cpu(), model.device)
    return stage
