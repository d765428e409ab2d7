"""RLlib as it comes, beside ours: full observations, its own runner, module and distribution."""

# RLlib declares much of its own as optional or untyped; what it checks is not ours to mend.
# mypy: disable-error-code="union-attr, no-untyped-call, override, attr-defined, arg-type"

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from train.learners.rllib_learner import ppo_config
from train.learners.rllib_ppo import BatchedPPO
from train.learners.rllib_runner import BatchedEnvRunner
from train.learners.spec import LearnerSpec
from train.scenarios.sections import Workers


def stock_config(spec: LearnerSpec) -> PPOConfig:
    """RLlib's PPO with the same environments and PPO parameters, and nothing else of ours."""
    config = ppo_config(spec, stock_runner=True)
    network = spec.config.network
    model = DefaultModelConfig(
        fcnet_hiddens=list(network.net_arch),
        fcnet_activation=network.activation_fn,
        vf_share_layers=False,
    )
    settings = config.env_config | {"observation": "full"}
    return config.environment(env_config=settings).rl_module(
        rl_module_spec=RLModuleSpec(model_config=model)
    )


class Trainer:
    """RLlib's PPO, an iteration at a time."""

    def __init__(self, spec: LearnerSpec, *, stock: bool) -> None:
        self.algorithm = (
            PPO(config=stock_config(spec))
            if stock
            else BatchedPPO(config=ppo_config(spec, stock_runner=False))
        )

    def iterate(self) -> int:
        """Take one rollout and learn from it; its environment steps."""
        result = self.algorithm.train()
        return int(result["env_runners"]["num_env_steps_sampled"])

    def close(self) -> None:
        """End the algorithm."""
        self.algorithm.stop()


class Sampler:
    """One env runner without an algorithm."""

    def __init__(self, spec: LearnerSpec, *, stock: bool) -> None:
        config = stock_config(spec) if stock else ppo_config(spec, stock_runner=False)
        self._runner = (SingleAgentEnvRunner if stock else BatchedEnvRunner)(config=config)
        self._weights = self._runner.get_state(components="rl_module")

    def sample(self) -> int:
        """One rollout under weights that were just loaded, as in training; its steps."""
        self._runner.set_state(self._weights)
        samples = self._runner.sample()
        if isinstance(samples, dict):
            return len(samples[Columns.ACTION_LOGP])
        return sum(len(episode) for episode in samples)

    def close(self) -> None:
        """End the runner."""
        self._runner.stop()


def runner_private_megabytes(spec: LearnerSpec) -> float:
    """Memory that one remote env runner has for itself after a rollout; the table is shared."""
    scenario = spec.config.model_copy(update={"workers": Workers(env_runners=1)})
    algorithm = BatchedPPO(config=ppo_config(replace(spec, config=scenario), stock_runner=False))
    try:
        algorithm.train()
        (kilobytes,) = algorithm.env_runner_group.foreach_env_runner(
            _private_kilobytes, local_env_runner=False
        )
    finally:
        algorithm.stop()
    return float(kilobytes) / 1024


def _private_kilobytes(_runner: Any) -> int:
    """Pages that no other process maps, of the process that calls it."""
    fields = Path(f"/proc/{os.getpid()}/smaps_rollup").read_text().splitlines()[1:]
    values = dict(line.split()[:2] for line in fields)
    return int(values["Private_Clean:"]) + int(values["Private_Dirty:"])
