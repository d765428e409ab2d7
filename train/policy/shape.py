"""The sizes of a policy network: all that its weights depend on besides their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

CHOICES = 3  # hold, buy, sell
ACCOUNT_NUMBERS = 3  # cash share, total return, drawdown
Precision = Literal["float32", "tf32", "bf16"]  # of matrix products
ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


@dataclass(frozen=True)
class NetworkShape:
    """What decides the size of every weight.

    `flat`: one perceptron over the whole observation. `shared`: one encoder for every asset, so
    that no weight depends on `num_assets`.
    """

    num_assets: int
    num_features: int
    hidden: tuple[int, ...]  # of the perceptron, or of the encoder
    activation: str = "tanh"
    kind: Literal["flat", "shared"] = "flat"
    head: tuple[int, ...] = (32,)  # hidden layers after the pooling; `shared` only

    @property
    def table_width(self) -> int:
        """Length of a row of the feature table: A * F."""
        return self.num_assets * self.num_features

    @property
    def observation_width(self) -> int:
        """Length of a full observation: A*F + A + 3."""
        return self.table_width + self.num_assets + ACCOUNT_NUMBERS


def orthogonal_layers(sizes: Sequence[int], last_gain: float = 2**0.5) -> nn.ModuleList:
    """Linear layers from one size to the next, started as PPO's networks usually are."""
    layers = [nn.Linear(*pair) for pair in pairwise(sizes)]
    for layer in layers:
        nn.init.orthogonal_(layer.weight, last_gain if layer is layers[-1] else 2**0.5)
        nn.init.zeros_(layer.bias)
    return nn.ModuleList(layers)


def by_choice(flat: Tensor) -> Tensor:
    """(B, 3 * A), laid out as 3 blocks of A -> (B, 3, A)."""
    return flat.reshape(len(flat), CHOICES, -1)
