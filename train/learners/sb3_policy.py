"""Stable-Baselines3's actor-critic interface over `PolicyNet` and the feature table."""

from pathlib import Path

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor

from train.market.stored import open_market
from train.policy.distribution import Choices
from train.policy.networks import NetworkShape, PolicyNet, TableReader, table_tensor
from train.policy.shape import Precision


class TablePolicy(ActorCriticPolicy):
    """Policy on compact observations; the table comes from a path, never by pickle."""

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.MultiDiscrete,
        lr_schedule: Schedule,
        use_sde: bool = False,  # PPO always passes it
        *,
        market: Path,
        fingerprint: str,
        shape: NetworkShape,
        precision: Precision = "float32",
    ) -> None:
        self._market = open_market(market, fingerprint)
        self._shape, self._precision = shape, precision
        super().__init__(observation_space, action_space, lr_schedule, [], use_sde=use_sde)

    def _build(self, lr_schedule: Schedule) -> None:
        self.net = PolicyNet(self._shape)
        self.reader = TableReader(self.net, table_tensor(self._market), self._precision)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr_schedule(1), eps=1e-5)

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """(B, A + 4) -> actions (B, A), values (B, 1), log probabilities (B,)."""
        choices = Choices(self.reader.logits(obs))
        actions = choices.mode() if deterministic else choices.sample()
        return actions, self.predict_values(obs), choices.log_prob(actions)

    def evaluate_actions(
        self, obs: PyTorchObs, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Values (B, 1), log probabilities (B,) and entropies (B,) under the present weights."""
        assert isinstance(obs, Tensor)
        choices = Choices(self.reader.logits(obs))
        return self.predict_values(obs), choices.log_prob(actions), choices.entropy()

    def predict_values(self, obs: PyTorchObs) -> Tensor:
        """(B, A + 4) -> (B, 1)."""
        assert isinstance(obs, Tensor)
        return self.reader.values(obs).unsqueeze(-1)

    def get_distribution(self, obs: PyTorchObs) -> Distribution:
        """Not offered: `forward` and `evaluate_actions` are all that PPO calls."""
        raise NotImplementedError("use forward() or evaluate_actions()")

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        assert isinstance(observation, Tensor)
        return self.forward(observation, deterministic)[0]
