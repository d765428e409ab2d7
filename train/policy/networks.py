"""The policy network, and how it reads compact observations off the feature table.

Legend: B observations, A assets, F features, T bars, D = A*F + A + 3, K = 3 choices.
"""

import warnings

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from envs import Market
from envs.arrays import Float32, Int64
from train.policy.shape import (
    ACTIVATIONS,
    CHOICES,
    NetworkShape,
    Precision,
    by_choice,
    orthogonal_layers,
)
from train.policy.shared_network import SharedPolicy, SharedValue

__all__ = [
    "CHOICES",
    "Actor",
    "NetworkShape",
    "Perceptron",
    "PolicyNet",
    "TableReader",
    "by_choice",
    "table_tensor",
]


class Perceptron(nn.Module):
    """Layers of one width each; the first can take its table part already multiplied."""

    def __init__(self, shape: NetworkShape, outputs: int, output_gain: float) -> None:
        super().__init__()
        sizes = (shape.observation_width, *shape.hidden, outputs)
        self.layers = orthogonal_layers(sizes, output_gain)
        self.activation = ACTIVATIONS[shape.activation]()
        self.table_width = shape.table_width

    @property
    def first(self) -> nn.Linear:
        """The layer that reads the feature table."""
        return self.linears()[0]

    def linears(self) -> list[nn.Linear]:
        """The layers in order."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def forward(self, observation: Tensor) -> Tensor:
        """(B, D) full observations -> (B, outputs)."""
        return self._finish(self.layers[0](observation))

    def project(self, rows: Tensor) -> Tensor:
        """(N, A*F) table rows -> (N, hidden[0]): their part of the first layer, bias included."""
        return linear(rows, self.first.weight[:, : self.table_width], self.first.bias)

    def from_projected(self, projected: Tensor, account: Tensor) -> Tensor:
        """(B, hidden[0]) projected rows and (B, A + 3) account numbers -> (B, outputs)."""
        weight = self.first.weight[:, self.table_width :]
        return self._finish(projected + linear(account, weight))

    def _finish(self, hidden: Tensor) -> Tensor:
        for layer in self.layers[1:]:
            hidden = layer(self.activation(hidden))
        return hidden


Tower = Perceptron | SharedPolicy | SharedValue


class PolicyNet(nn.Module):
    """Policy and value function over full observations; they share no weight.

    Logits come as (B, 3, A), the choice before the asset: a softmax over a last axis of length 3
    is 5 times slower on a CPU.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.policy: Tower
        self.value: Tower
        if shape.kind == "shared":
            self.policy, self.value = SharedPolicy(shape), SharedValue(shape)
        else:
            self.policy = Perceptron(shape, CHOICES * shape.num_assets, output_gain=0.01)
            self.value = Perceptron(shape, 1, output_gain=1.0)

    def logits(self, observation: Tensor) -> Tensor:
        """(B, D) -> (B, 3, A)."""
        return by_choice(self.policy(observation))

    def values(self, observation: Tensor) -> Tensor:
        """(B, D) -> (B,), in units of discounted reward."""
        values: Tensor = self.value(observation).squeeze(-1)
        return values


def table_tensor(market: Market) -> Tensor:
    """The (T, A*F) feature table as a tensor over the same, read-only, memory."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(market.table)


class TableReader(nn.Module):
    """Runs a `PolicyNet` on compact observations `[t, A positions, 3 account numbers]`.

    The table never enters the state of the network: it is neither synchronised nor saved. The
    first layer is linear, so a bar's features can be multiplied once and shared by every
    observation of that bar; in rollouts, where the weights stand still, once for all of them.
    """

    table: Tensor

    def __init__(self, net: PolicyNet, table: Tensor, precision: Precision = "float32") -> None:
        """Weights, logits and values are float32 whatever the precision of the products.

        TF32 is a mode of CUDA that holds for the whole process; elsewhere it is float32.
        """
        super().__init__()
        if precision != "float32" and torch.cuda.is_available():
            torch.set_float32_matmul_precision("high")
        self.net = net
        self._bf16 = precision == "bf16"
        self.register_buffer("table", table, persistent=False)  # (T, A*F) f32
        self._projections: dict[str, tuple[int, Tensor]] = {}
        self._minibatch: tuple[Tensor, Tensor, Tensor] | None = None

    def logits(self, compact: Tensor) -> Tensor:
        """(B, A + 4) -> (B, 3, A)."""
        return by_choice(self._run("policy", compact)).float()

    def values(self, compact: Tensor) -> Tensor:
        """(B, A + 4) -> (B,)."""
        return self._run("value", compact).squeeze(-1).float()

    def _run(self, part: str, compact: Tensor) -> Tensor:
        with torch.autocast(compact.device.type, torch.bfloat16, enabled=self._bf16):
            return self._outputs(part, compact)

    def _outputs(self, part: str, compact: Tensor) -> Tensor:
        tower: Tower = getattr(self.net, part)
        if torch.is_grad_enabled():
            self._projections.clear()  # a step follows, and a fused optimiser counts nothing
            rows, place = self.distinct_rows(compact)
            projected = tower.project(rows).index_select(0, place)
        else:
            self._minibatch = None
            projected = self._cached(part, tower).index_select(0, compact[:, 0].long())
        return tower.from_projected(projected, compact[:, 1:])

    def distinct_rows(self, compact: Tensor) -> tuple[Tensor, Tensor]:
        """Table rows of the minibatch, each bar's once, and where each observation finds its own.

        Policy and value function ask for the same minibatch one after the other.
        """
        if self._minibatch is None or self._minibatch[0] is not compact:
            bars, place = torch.unique(compact[:, 0].long(), return_inverse=True)
            self._minibatch = (compact, self.table.index_select(0, bars), place)
        return self._minibatch[1:]

    def _cached(self, part: str, tower: Tower) -> Tensor:
        """Every bar's projection under the present weights; loading others raises their version."""
        first = tower.first
        version = first.weight._version + first.bias._version
        held = self._projections.get(part)
        if held is None or held[0] != version:
            held = (version, tower.project(self.table))
            self._projections[part] = held
        return held[1]


class Actor(nn.Module):
    """The policy alone, for export: full observations with normalised features -> (B, A, 3)."""

    def __init__(self, net: PolicyNet) -> None:
        super().__init__()
        self.shape = net.shape
        self.policy = net.policy

    def forward(self, observation: Tensor) -> Tensor:
        """(B, D) -> logits (B, A, 3)."""
        return by_choice(self.policy(observation)).transpose(1, 2)

    def act(self, observation: Float32) -> Int64:
        """Most likely choice of each asset: (B, D) normalised -> (B, A)."""
        with torch.inference_mode():
            actions: Int64 = self(torch.from_numpy(observation)).argmax(-1).numpy()
        return actions
