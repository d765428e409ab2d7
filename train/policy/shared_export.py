"""The shared network as ONNX nodes, and as the layers of one wide perceptron.

Legend: B observations, A assets, F features, H encoder's width.
"""

import numpy as np
from scipy.linalg import block_diag
from torch import nn

from envs.arrays import Float32, Float64
from train.policy.onnx_graph import GraphWriter
from train.policy.shape import ACCOUNT_NUMBERS
from train.policy.shared_network import SharedPolicy

Layer64 = tuple[Float64, Float64]
Layer = tuple[Float32, Float32]  # weight (out, in), bias (out,)

# tanh(e x) / e = x - e^2 x^3 / 3 + ...: a tanh layer hands x on with an error of 3e-7 x^3.
_SMALL = 1e-3


def layers_of(modules: nn.ModuleList) -> list[Layer]:
    """Weights and biases of linear layers, in order."""
    linears = [module for module in modules if isinstance(module, nn.Linear)]
    return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linears]


def write_shared_policy(
    graph: GraphWriter, policy: SharedPolicy, features: str, account: str
) -> str:
    """Add the nodes from normalised features (B, A*F) and account (B, A + 3) to (B * A, 3)."""
    activation = "Tanh" if isinstance(policy.activation, nn.Tanh) else "Relu"
    assets = policy.table_width // policy.encoder.num_features
    positions = graph.reshape(graph.columns(account, 0, assets), -1, 1)
    value = graph.reshape(features, -1, policy.encoder.num_features)
    value = graph.node("Concat", value, positions, axis=1)  # (B * A, F + 1)
    for layer in layers_of(policy.encoder.layers):
        value = graph.node(activation, graph.linear(value, *layer))

    (weight, bias), *rest = layers_of(policy.layers)
    width = (weight.shape[1] - ACCOUNT_NUMBERS) // 2
    encoded = graph.reshape(value, -1, assets, width)
    pooled = graph.node("ReduceMean", encoded, axes=[1], keepdims=0)
    numbers = graph.columns(account, assets, assets + ACCOUNT_NUMBERS)
    context = graph.node("Concat", pooled, numbers, axis=1)  # (B, H + 3)
    shared = graph.reshape(graph.linear(context, weight[:, width:], bias), -1, 1, len(bias))
    own = graph.node("MatMul", encoded, graph.constant(weight[:, :width].T))
    value = graph.reshape(graph.node("Add", own, shared), -1, len(bias))
    for layer in rest:
        value = graph.linear(graph.node(activation, value), *layer)
    return value


def as_perceptron(policy: SharedPolicy) -> list[Layer]:
    """The same function of a full observation (B, D), as layers of one wide perceptron.

    Its outputs are (B, A * 3), asset by asset. Every asset has its own copy of the shared weights
    on a diagonal, and the account numbers ride along to where the context is read: exactly behind
    ReLU, to 1e-6 behind tanh. A layer has (A * H)^2 weights, so this is for tens of assets.
    """
    assets = policy.table_width // policy.encoder.num_features
    board, alight = _carriage(policy.activation)
    (weight, bias), *deeper = layers_of(policy.encoder.layers)
    layers = [_entry(weight, bias, assets, board)]
    for weight, bias in deeper:
        riders = np.eye(len(board))
        layers.append((block_diag(_copies(weight, assets), riders), _padded(bias, assets, riders)))
    (weight, bias), *rest = layers_of(policy.layers)
    layers.append(_pooling(weight, bias, assets, alight))
    layers += [(_copies(weight, assets), np.tile(bias, assets)) for weight, bias in rest]
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]


def _carriage(activation: nn.Module) -> tuple[Float64, Float64]:
    """Weights (R, 3) that take the account numbers through activations, and (3, R) out again."""
    one = np.eye(ACCOUNT_NUMBERS)
    if isinstance(activation, nn.Tanh):
        return _SMALL * one, one / _SMALL
    return np.vstack([one, -one]), np.hstack([one, -one])


def _entry(weight: Float32, bias: Float32, assets: int, board: Float64) -> Layer64:
    """The encoder's first layer on [features, asset by asset] + [positions] + [account]."""
    features, positions = _copies(weight[:, :-1], assets), _copies(weight[:, -1:], assets)
    rows = block_diag(np.hstack([features, positions]), board)
    return rows, _padded(bias, assets, board)


def _pooling(weight: Float32, bias: Float32, assets: int, alight: Float64) -> Layer64:
    """The head's first layer on [encodings, asset by asset] + [riders]."""
    width = (weight.shape[1] - ACCOUNT_NUMBERS) // 2
    own, mean, account = np.split(weight, [width, 2 * width], axis=1)
    riders = np.tile(account @ alight, (assets, 1))
    pooled = np.tile(mean.astype(np.float64) / assets, (assets, assets))
    weights = np.hstack([_copies(own, assets) + pooled, riders])
    return weights.astype(np.float64), np.tile(bias, assets).astype(np.float64)


def _copies(weight: Float32, assets: int) -> Float64:
    """(A * out, A * in): the weight once for every asset, on the diagonal."""
    copies: Float64 = np.kron(np.eye(assets), weight).astype(np.float64)
    return copies


def _padded(bias: Float32, assets: int, riders: Float64) -> Float64:
    """The bias of every asset, and none for what only rides along."""
    return np.concatenate([np.tile(bias, assets), np.zeros(len(riders))])
