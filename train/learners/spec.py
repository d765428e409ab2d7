"""What every learner is told, and what it can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from envs import Market, Window
from train.market.stored import open_market
from train.policy.networks import Actor, NetworkShape
from train.scenarios.scenario import PloutosConfig


@dataclass(frozen=True)
class LearnerSpec:
    """All that a learner is made from; small, so that it travels to a worker by value."""

    config: PloutosConfig
    market: Path  # folder of a saved Market with normalised features
    fingerprint: str  # of that Market's content
    window: Window  # bars that episodes stay in
    seed: int
    log_folder: Path  # for TensorBoard files

    def load_market(self) -> Market:
        """The market that the learner is for; see `open_market`."""
        return open_market(self.market, self.fingerprint)

    def network_shape(self, market: Market) -> NetworkShape:
        """The sizes of the policy network."""
        network = self.config.network
        return NetworkShape(
            num_assets=market.num_assets,
            num_features=market.num_features,
            hidden=network.net_arch,
            activation=network.activation_fn,
            kind=network.kind,
            head=network.head_arch,
        )


class Learner(Protocol):
    """PPO on compact observations, whoever runs it."""

    @property
    def num_timesteps(self) -> int:
        """Environment steps taken so far, those before a checkpoint included."""

    def train(self, num_steps: int) -> Mapping[str, float]:
        """Take at least `num_steps` more, in whole rollouts; the last iteration's metrics."""

    def actor(self) -> Actor:
        """A copy of the present policy, on the CPU."""

    def save(self, folder: Path) -> None:
        """Write weights, optimiser and counters into `folder`."""

    def load(self, folder: Path) -> None:
        """Continue from what `save` wrote.

        Raises:
            ConfigError: the checkpoint is of another network.
        """

    def close(self) -> None:
        """Release processes and files."""
