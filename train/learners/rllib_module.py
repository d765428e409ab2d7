"""`PolicyNet` and its three-way choices in RLlib's terms."""

# RLlib declares much of its own as optional or untyped; what it checks is not ours to mend.
# mypy: disable-error-code="union-attr, no-untyped-call, override, attr-defined, arg-type"

from pathlib import Path
from typing import Any

import gymnasium as gym
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchDistribution
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor

from train.market.stored import open_market
from train.policy.distribution import Choices
from train.policy.networks import NetworkShape, PolicyNet, TableReader, by_choice, table_tensor


class RLlibChoices(TorchDistribution):
    """`Choices` from flat logits (B, 3 * A), laid out as 3 blocks of A."""

    def __init__(self, logits: Tensor) -> None:
        self.choices = Choices(by_choice(logits))
        super().__init__()

    def _get_torch_distribution(self, *args: Any, **kwargs: Any) -> None:
        """None: the whole interface is implemented here."""

    def sample(self, *, sample_shape: Any = None, **kwargs: Any) -> Tensor:
        """(B, A) draws."""
        return self.choices.sample()

    def rsample(self, *, sample_shape: Any = None, **kwargs: Any) -> Tensor:
        """Not possible: choices are discrete."""
        raise NotImplementedError("categorical choices cannot be reparametrised")

    def logp(self, value: Tensor, **kwargs: Any) -> Tensor:
        """(B,) of (B, A) choices."""
        return self.choices.log_prob(value)

    def entropy(self) -> Tensor:
        """(B,) in nats."""
        return self.choices.entropy()

    def kl(self, other: "RLlibChoices") -> Tensor:
        """(B,) in nats."""
        return self.choices.divergence(other.choices)

    @staticmethod
    def required_input_dim(space: gym.spaces.MultiDiscrete, **kwargs: Any) -> int:
        """3 * A."""
        return int(space.nvec.sum())

    def to_deterministic(self) -> "MostLikely":
        """The same logits, always answered with the most likely choice."""
        return MostLikely(self.choices.raw.flatten(-2))


class MostLikely(RLlibChoices):
    """What RLlib evaluates with."""

    def sample(self, *, sample_shape: Any = None, **kwargs: Any) -> Tensor:
        """(B, A) the most likely choices."""
        return self.choices.mode()


class TableModule(TorchRLModule, ValueFunctionAPI):
    """Policy and value function on compact observations.

    Of `model_config` it reads `market` (a folder), its `fingerprint`, `shape`, the fields of
    `NetworkShape`, and `precision`; a table that was rebuilt since is refused by its fingerprint.
    """

    def setup(self) -> None:
        """Build the network and map the table."""
        config: Any = self.model_config  # RLlib adds keys of its own
        market = open_market(Path(config["market"]), config["fingerprint"])
        self.net = PolicyNet(NetworkShape(**config["shape"]))
        self.reader = TableReader(self.net, table_tensor(market), config["precision"])
        # Several learners synchronise buffers by writing into them; the table is mapped read-only.
        self._ddp_params_and_buffers_to_ignore = ["reader.table"]
        self.action_dist_cls = RLlibChoices

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        logits = self.reader.logits(batch[Columns.OBS]).flatten(-2)
        return {Columns.ACTION_DIST_INPUTS: logits}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> Tensor:
        """(B,) values of the batch's observations."""
        return self.reader.values(batch[Columns.OBS])
