"""One encoder for every asset, and what it makes of all of them together.

An asset's F features and its position share go through one small perceptron. The mean of the
encodings and the account numbers are the context. A head reads an asset's encoding beside the
context and scores its three choices; the value is read from a context of its own.

Permuting the assets permutes the actions, and no weight knows how many assets there are. A mean of
learned encodings can express any symmetric summary (Zaheer et al., "Deep Sets", 2017), and unlike a
maximum it is linear, which is what lets `train.policy.shared_export` write stock layers.

Legend: B observations, A assets, F features, D = A*F + A + 3, H encoder's width.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from train.policy.shape import (
    ACCOUNT_NUMBERS,
    ACTIVATIONS,
    CHOICES,
    NetworkShape,
    orthogonal_layers,
)


class AssetEncoder(nn.Module):
    """(F features, position share) of each asset -> H numbers."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        sizes = (shape.num_features + 1, *shape.hidden)
        self.layers = orthogonal_layers(sizes)
        self.activation = ACTIVATIONS[shape.activation]()
        self.num_features = shape.num_features

    @property
    def first(self) -> nn.Linear:
        """The layer that reads the features."""
        layer = self.layers[0]
        assert isinstance(layer, nn.Linear)
        return layer

    def project(self, rows: Tensor) -> Tensor:
        """(N, A*F) table rows -> (N, A, H1): their part of the first layer, bias included."""
        features = rows.reshape(len(rows), -1, self.num_features)
        return linear(features, self.first.weight[:, :-1], self.first.bias)

    def forward(self, projected: Tensor, positions: Tensor) -> Tensor:
        """(B, A, H1) projected features and (B, A) position shares -> (B, A, H)."""
        seen = torch.addcmul(projected, positions.unsqueeze(-1), self.first.weight[:, -1])
        encoded: Tensor = self.activation(seen)
        for layer in self.layers[1:]:
            encoded = self.activation(layer(encoded))
        return encoded


class _Tower(nn.Module):
    """An encoder and the layers after the pooling; the interface of `networks.Perceptron`."""

    def __init__(self, shape: NetworkShape, sizes: tuple[int, ...], output_gain: float) -> None:
        super().__init__()
        self.encoder = AssetEncoder(shape)
        self.layers = orthogonal_layers(sizes, output_gain)
        self.activation = self.encoder.activation
        self.table_width = shape.table_width

    @property
    def first(self) -> nn.Linear:
        """The layer that reads the feature table."""
        return self.encoder.first

    def project(self, rows: Tensor) -> Tensor:
        """See `AssetEncoder.project`."""
        return self.encoder.project(rows)

    def forward(self, observation: Tensor) -> Tensor:
        """(B, D) full observations -> (B, outputs)."""
        features, account = observation.tensor_split([self.table_width], dim=1)
        return self.from_projected(self.project(features), account)

    def from_projected(self, projected: Tensor, account: Tensor) -> Tensor:
        """(B, A, H1) projected features and (B, A + 3) account numbers -> (B, outputs)."""
        encoded = self.encoder(projected, account[:, :-ACCOUNT_NUMBERS])
        context = torch.cat([encoded.mean(dim=1), account[:, -ACCOUNT_NUMBERS:]], dim=1)
        return self._read(encoded, context)

    def _read(self, encoded: Tensor, context: Tensor) -> Tensor:
        raise NotImplementedError

    def _finish(self, hidden: Tensor) -> Tensor:
        for layer in self.layers[1:]:
            hidden = layer(self.activation(hidden))
        return hidden


class SharedPolicy(_Tower):
    """(B, D) -> (B, 3 * A), laid out as 3 blocks of A."""

    def __init__(self, shape: NetworkShape) -> None:
        width = shape.hidden[-1]
        sizes = (2 * width + ACCOUNT_NUMBERS, *shape.head, CHOICES)
        super().__init__(shape, sizes, output_gain=0.01)

    def _read(self, encoded: Tensor, context: Tensor) -> Tensor:
        """The head's first layer, its context part once an observation, not once an asset."""
        first, width = self.layers[0], encoded.shape[-1]
        assert isinstance(first, nn.Linear)
        shared = linear(context, first.weight[:, width:], first.bias)
        hidden = linear(encoded, first.weight[:, :width]) + shared.unsqueeze(1)
        return self._finish(hidden).transpose(1, 2).flatten(1)


class SharedValue(_Tower):
    """(B, D) -> (B, 1), from the context alone."""

    def __init__(self, shape: NetworkShape) -> None:
        sizes = (shape.hidden[-1] + ACCOUNT_NUMBERS, *shape.head, 1)
        super().__init__(shape, sizes, output_gain=1.0)

    def _read(self, encoded: Tensor, context: Tensor) -> Tensor:
        return self._finish(self.layers[0](context))
