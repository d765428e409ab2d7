"""PPO of RLlib's new API stack on the compiled environments."""

# RLlib declares much of its own as optional or untyped; what it checks is not ours to mend.
# mypy: disable-error-code="union-attr, no-untyped-call, override, attr-defined, arg-type"

import copy
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED
from ray.tune.registry import register_env

from cluster.errors import ConfigError, PloutosError
from envs import TradingVectorEnv, V6Params, Window
from train.learners.resources import cap_gpu_memory, gpus_per_learner
from train.learners.rllib_module import TableModule
from train.learners.rllib_ppo import BatchedPPO, WeightedStartsPPO
from train.learners.rllib_runner import BatchedEnvRunner
from train.learners.spec import LearnerSpec
from train.market.curriculum import EVERYWHERE, Stage, stage_at
from train.market.stored import check_same_market, open_market
from train.policy.networks import Actor
from train.scenarios.scenario import PloutosConfig

_ENVIRONMENT = "ploutos-v6"
_COUNTER = "ploutos.json"
_PATIENCE_S = 300.0  # without a single step


class _WithoutInfos(gym.vector.VectorWrapper):
    """RLlib turns infos into one dictionary an environment and step; nobody reads them there."""

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        return self.env.reset(**kwargs)[0], {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        return (*self.env.step(actions)[:4], {})


def make_environments(context: Mapping[str, Any]) -> VectorEnv[Any, Any, Any]:
    """One vector environment for a runner; RLlib adds `num_envs` to our settings."""
    env = TradingVectorEnv(
        open_market(Path(context["market"]), context["fingerprint"]),
        V6Params.from_dict(context["params"]),
        num_envs=context["num_envs"],
        observation=context["observation"],
        window=Window(*context["window"]),
    )
    return _WithoutInfos(env)


def _cap_gpu_memory(config: PloutosConfig, _: Any) -> None:
    cap_gpu_memory(config)


class RLlibLearner:
    """Samples and learns in this process; `stock_runner` takes RLlib's own sampling path."""

    def __init__(self, spec: LearnerSpec, *, stock_runner: bool = False) -> None:
        config = ppo_config(spec, stock_runner=stock_runner)
        self._algorithm = (WeightedStartsPPO if stock_runner else BatchedPPO)(config=config)
        if spec.config.workers.learners:  # the trial's own process is capped already
            cap = partial(_cap_gpu_memory, spec.config)
            self._algorithm.learner_group.foreach_learner(cap)
        from torch.utils.tensorboard import SummaryWriter  # env runners import this module, too

        self._board = SummaryWriter(str(spec.log_folder))
        self._steps = 0
        self._spec, self._stage = spec, EVERYWHERE
        self._curriculum = spec.config.curriculum
        self._total = spec.config.training.total_timesteps

    @property
    def num_timesteps(self) -> int:
        """Environment steps taken so far."""
        return self._steps

    def train(self, num_steps: int) -> Mapping[str, float]:
        """Take at least `num_steps` more; the learner's metrics and the mean episode return.

        Raises:
            PloutosError: every env runner was lost, and none has come back.
        """
        target, moved = self._steps + num_steps, time.monotonic()
        metrics: dict[str, float] = {}
        while self._steps < target:
            self._enter(stage_at(self._curriculum, self._total, self._steps))
            result = self._algorithm.train()
            sampled = result["env_runners"].get(NUM_ENV_STEPS_SAMPLED, math.nan)
            if math.isnan(sampled):  # RLlib is restarting every runner
                if time.monotonic() > moved + _PATIENCE_S:
                    raise PloutosError("no env runner is left", f"none came in {_PATIENCE_S:.0f} s")
                continue
            moved = time.monotonic()
            self._steps += int(sampled)
            metrics = _flat(result)
            for name, value in metrics.items():
                self._board.add_scalar(name, value, self._steps)
        return metrics

    def _enter(self, stage: Stage) -> None:
        """Start new episodes where the phase of the curriculum says."""
        if stage == self._stage:
            return
        self._stage = stage
        weights = stage.weights(self._spec.load_market(), self._spec.window)
        self._algorithm.weigh_starts(weights)

    def actor(self) -> Actor:
        """A copy of the present policy, on the CPU."""
        return Actor(copy.deepcopy(self._algorithm.get_module().net).cpu())

    def save(self, folder: Path) -> None:
        """Write RLlib's checkpoint and the step count."""
        folder.mkdir(parents=True, exist_ok=True)
        self._algorithm.save_to_path(str(folder.absolute()))
        state = {"num_timesteps": self._steps, "fingerprint": self._spec.fingerprint}
        (folder / _COUNTER).write_text(json.dumps(state))

    def load(self, folder: Path) -> None:
        """Continue from what `save` wrote; environments start anew.

        Raises:
            ConfigError: the checkpoint is of another network or another market.
        """
        state = json.loads((folder / _COUNTER).read_text())
        check_same_market(state["fingerprint"], self._spec.fingerprint, folder)
        self._steps = state["num_timesteps"]
        try:
            self._algorithm.restore_from_path(str(folder.absolute()))
        except RuntimeError as error:
            raise ConfigError(f"{folder} is a checkpoint of another network", str(error)) from error

    def close(self) -> None:
        """Stop the algorithm and close the TensorBoard file."""
        self._board.close()
        self._algorithm.stop()


def ppo_config(spec: LearnerSpec, *, stock_runner: bool) -> PPOConfig:
    """RLlib's configuration; it carries paths and numbers only."""
    register_env(_ENVIRONMENT, make_environments)
    training, workers = spec.config.training, spec.config.workers
    place = {"market": str(spec.market), "fingerprint": spec.fingerprint}
    settings = place | {
        "params": spec.config.v6_params().to_dict(),
        "window": (spec.window.start, spec.window.stop),
        "observation": "compact",
    }
    shape = asdict(spec.network_shape(spec.load_market()))
    network = {"shape": shape, "precision": spec.config.network.precision}
    config = (
        PPOConfig()
        .environment(_ENVIRONMENT, env_config=settings)
        .env_runners(
            num_env_runners=workers.env_runners,
            num_envs_per_env_runner=training.n_envs // max(workers.env_runners, 1),
            gym_env_vectorize_mode="vector_entry_point",
            rollout_fragment_length=training.n_steps,
        )
        .learners(
            num_learners=workers.learners,
            num_gpus_per_learner=gpus_per_learner(spec.config),
        )
        .rl_module(
            rl_module_spec=RLModuleSpec(module_class=TableModule, model_config=place | network)
        )
        .training(**_ppo_arguments(spec))
        .debugging(seed=spec.seed, log_level="ERROR")
    )
    return config if stock_runner else config.env_runners(env_runner_cls=BatchedEnvRunner)


def _ppo_arguments(spec: LearnerSpec) -> dict[str, Any]:
    """The scenario's PPO parameters under RLlib's names.

    `target_kl` stops an epoch early in Stable-Baselines3; RLlib steers a KL penalty towards it.
    """
    training, learners = spec.config.training, max(spec.config.workers.learners, 1)
    return {
        "train_batch_size_per_learner": training.n_envs * training.n_steps // learners,
        "minibatch_size": training.batch_size // learners,
        "num_epochs": training.n_epochs,
        "lr": training.learning_rate,
        "gamma": training.gamma,
        "lambda_": training.gae_lambda,
        "clip_param": training.clip_range,
        "entropy_coeff": training.ent_coef,
        "vf_loss_coeff": training.vf_coef,
        "vf_clip_param": float("inf"),
        "grad_clip": training.max_grad_norm,
        "grad_clip_by": "global_norm",
        "use_kl_loss": training.target_kl is not None,
        "kl_target": training.target_kl or 0.01,
    }


def _flat(result: Mapping[str, Any]) -> dict[str, float]:
    """The numbers worth keeping, by short names."""
    learner = result["learners"]["default_policy"]
    numbers = {name: float(value) for name, value in learner.items() if _is_number(value)}
    reward = result["env_runners"].get("episode_return_mean")
    return numbers if reward is None else numbers | {"episode_return_mean": float(reward)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or getattr(value, "ndim", 1) == 0
