"""A shared network out of its ONNX file again, for another number of assets.

No weight of a shared network depends on how many assets there are, but the shapes in the file do.
The weights are read back and written for the new number; that they are the right ones is proved by
writing them for the old number first, which must give the file that was read, byte by byte.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from cluster.errors import BundleError
from envs.arrays import Float32
from train.bundle.manifest import Manifest
from train.policy.export import actor_to_onnx
from train.policy.networks import Actor, PolicyNet
from train.policy.normaliser import Normaliser
from train.policy.shape import NetworkShape

Layer = tuple[Float32, Float32]  # weight (out, in), bias (out,)


@dataclass(frozen=True, eq=False)
class SharedWeights:
    """The layers of a shared policy, as `train.policy.shared_export` writes them."""

    encoder: list[Layer]
    head: list[Layer]
    activation: str


def is_shared(data: bytes) -> bool:
    """Whether an exported policy is of a shared network: only that one pools over assets."""
    return any(node.op_type == "ReduceMean" for node in _graph(data).node)


def for_assets(data: bytes, manifest: Manifest, num_assets: int) -> bytes:
    """The policy of `data`, a shared network's, for another number of assets, as ONNX.

    Raises:
        BundleError: it was written by other code than this.
    """
    scale = Normaliser.from_dict(manifest.normaliser.model_dump())
    weights = read_weights(data)
    own, other = (
        actor_to_onnx(_actor(weights, len(manifest.feature_names), assets), scale)
        for assets in (manifest.num_assets, num_assets)
    )
    if own != data:
        raise BundleError(
            f"the network of bundle {manifest.bundle_id} cannot be written for other symbols",
            "written anew for its own symbols it is another file",
            "judge it with the version that made it, or on its own symbols",
        )
    return other


def read_weights(data: bytes) -> SharedWeights:
    """The layers of an exported shared policy, in order.

    Encoder, pooling, the head's first layer in two parts (context first, own encoding second),
    and the rest of the head.
    """
    graph = _graph(data)
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    encoder: list[Layer] = []
    after: list[Layer] = []
    own = np.empty(0, np.float32)
    layers = encoder
    for node in graph.node:
        if node.op_type == "Gemm":
            layers.append((arrays[node.input[1]], arrays[node.input[2]]))
        elif node.op_type == "MatMul":
            own = arrays[node.input[1]].T
        elif node.op_type == "ReduceMean":
            layers = after
    (context, bias), *rest = after
    activation = next(n.op_type for n in graph.node if n.op_type in ("Tanh", "Relu"))
    return SharedWeights(encoder, [(np.hstack([own, context]), bias), *rest], activation.lower())


def _actor(weights: SharedWeights, num_features: int, assets: int) -> Actor:
    shape = NetworkShape(
        num_assets=assets,
        num_features=num_features,
        hidden=tuple(len(bias) for _, bias in weights.encoder),
        activation=weights.activation,
        kind="shared",
        head=tuple(len(bias) for _, bias in weights.head[:-1]),
    )
    actor = Actor(PolicyNet(shape))
    policy: Any = actor.policy
    with torch.no_grad():
        for layers, values in (
            (policy.encoder.layers, weights.encoder),
            (policy.layers, weights.head),
        ):
            for layer, (weight, bias) in zip(layers, values, strict=True):
                layer.weight.copy_(torch.from_numpy(weight.copy()))
                layer.bias.copy_(torch.from_numpy(bias.copy()))
    return actor


def _graph(data: bytes) -> onnx.GraphProto:
    return onnx.load_model_from_string(data).graph
