"""A policy as files that others can run: ONNX for serving, a Stable-Baselines3 `.zip` beside it.

Legend: B observations, A assets, F features, D = A*F + A + 3.
"""

import io

import numpy as np
import torch
from torch import nn

from envs.arrays import Float32
from features.compute.feature_limit import FEATURE_LIMIT
from train.policy.contract import INPUT_NAME, OUTPUT_NAME
from train.policy.networks import CHOICES, Actor, NetworkShape
from train.policy.normaliser import Normaliser
from train.policy.onnx_graph import GraphWriter
from train.policy.shared_export import Layer, as_perceptron, layers_of, write_shared_policy
from train.policy.shared_network import SharedPolicy


def actor_to_onnx(actor: Actor, normaliser: Normaliser) -> bytes:
    """A single-file ONNX model with the normaliser inside, written node by node.

    Input `observation`: (B, D) f32, the raw full observation. Output `logits`: (B, A, 3) f32.
    """
    shape, graph = actor.shape, GraphWriter()
    features = graph.columns(INPUT_NAME, 0, shape.table_width)
    account = graph.columns(INPUT_NAME, shape.table_width, shape.observation_width)
    centred = graph.node("Sub", features, graph.constant(_tiled(normaliser.mean, shape)))
    scaled = graph.node("Div", centred, graph.constant(_tiled(normaliser.std, shape)))
    bounds = [
        graph.constant(np.array(bound, np.float32)) for bound in (-FEATURE_LIMIT, FEATURE_LIMIT)
    ]
    features = graph.node("Clip", scaled, *bounds)
    if isinstance(actor.policy, SharedPolicy):
        logits = write_shared_policy(graph, actor.policy, features, account)
    else:
        logits = _write_perceptron(graph, actor, graph.node("Concat", features, account, axis=1))
    target = graph.constant(np.array([-1, shape.num_assets, CHOICES], np.int64))
    graph.node("Reshape", logits, target, output=OUTPUT_NAME)
    model = graph.model(shape.observation_width, ["batch", shape.num_assets, CHOICES])
    return bytes(model.SerializeToString())


def _write_perceptron(graph: GraphWriter, actor: Actor, value: str) -> str:
    """Add the nodes of a flat network, from the whole observation to (B, A * 3)."""
    activation = "Tanh" if isinstance(actor.policy.activation, nn.Tanh) else "Relu"
    *hidden, last = _layers(actor)
    for weight, bias in hidden:
        value = graph.node(activation, graph.linear(value, weight, bias))
    return graph.linear(value, *last)


def actor_to_sb3_zip(actor: Actor, normaliser: Normaliser) -> bytes:
    """A `.zip` that `stable_baselines3.PPO.load` opens without any class of ours.

    A shared network is written as the wide perceptron that computes the same: (A * H)^2 weights a
    layer, a few MB for 22 assets and H = 32. Its `MlpPolicy` takes the raw full observation: the
    normaliser is folded into the first layer. Logits agree with the ONNX model up to float32
    rounding wherever no normalised feature leaves [-10, 10]; that clipping has no place in a
    linear layer. The value function is a placeholder: the file is
    for acting, not for further training.
    """
    first, *rest = _layers(actor)
    layers = [_folded(first, normaliser, actor.shape), *rest]
    model = _stock_ppo(actor, [len(bias) for _, bias in layers[:-1]])
    modules = [*model.policy.mlp_extractor.policy_net, model.policy.action_net]
    targets = [module for module in modules if isinstance(module, nn.Linear)]
    with torch.no_grad():
        for target, (weight, bias) in zip(targets, layers, strict=True):
            target.weight.copy_(torch.from_numpy(weight))
            target.bias.copy_(torch.from_numpy(bias))
    buffer = io.BytesIO()
    model.save(buffer)
    return buffer.getvalue()


def _stock_ppo(actor: Actor, hidden: list[int]):  # type: ignore[no-untyped-def]  # PPO is imported at need
    """A PPO that has spaces and a policy, and no environment."""
    from gymnasium.spaces import Box, MultiDiscrete
    from stable_baselines3 import PPO

    shape = actor.shape
    arch = {"pi": hidden, "vf": [1]}
    activation = type(actor.policy.activation)
    model = PPO(
        "MlpPolicy",
        None,  # type: ignore[arg-type]  # as PPO.load does
        device="cpu",
        policy_kwargs={"net_arch": arch, "activation_fn": activation, "ortho_init": False},
        _init_setup_model=False,
    )
    width = shape.observation_width
    model.observation_space = Box(-FEATURE_LIMIT, FEATURE_LIMIT, (width,), np.float32)
    model.action_space = MultiDiscrete([CHOICES] * shape.num_assets)
    model.n_envs = 1
    model.n_steps = 1  # the rollout buffer is made with the model
    model._setup_model()
    return model


def _layers(actor: Actor) -> list[Layer]:
    """Weights and biases of one perceptron, its outputs asset by asset."""
    if isinstance(actor.policy, SharedPolicy):
        return as_perceptron(actor.policy)
    layers = layers_of(actor.policy.layers)
    weight, bias = layers[-1]
    order = np.arange(len(bias)).reshape(CHOICES, actor.shape.num_assets).T.ravel()
    return [*layers[:-1], (weight[order], bias[order])]


def _tiled(column: Float32, shape: NetworkShape) -> Float32:
    """(F,) -> (A*F,), as the observation lays the features out."""
    return np.tile(column, shape.num_assets)


def _folded(layer: Layer, normaliser: Normaliser, shape: NetworkShape) -> Layer:
    """The layer that does on raw features what `layer` does on normalised ones; in float64."""
    weight, bias = (array.astype(np.float64) for array in layer)
    width = shape.table_width
    weight[:, :width] /= _tiled(normaliser.std, shape)
    bias -= weight[:, :width] @ _tiled(normaliser.mean, shape).astype(np.float64)
    return weight.astype(np.float32), bias.astype(np.float32)
