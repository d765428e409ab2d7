import io
import zipfile
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from train.bundle.onnx_check import ALLOWED_OPERATORS
from train.policy.export import actor_to_onnx, actor_to_sb3_zip
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.policy.normaliser import Normaliser

ASSETS, FEATURES = 5, 7


def trained_actor(activation: str, hidden: tuple[int, ...] = (32, 16), **shape: Any) -> Actor:
    torch.manual_seed(0)
    net = PolicyNet(NetworkShape(ASSETS, FEATURES, hidden, activation, **shape))
    for parameter in net.policy.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return Actor(net)


@pytest.fixture
def scale() -> Normaliser:
    rng = np.random.default_rng(1)
    mean = rng.normal(size=FEATURES).astype(np.float32)
    return Normaliser(mean, rng.uniform(0.5, 2.0, FEATURES).astype(np.float32))


def observations(rows: int, spread: float = 1.0) -> np.ndarray:
    """(rows, D) f32 raw full observations."""
    rng = np.random.default_rng(2)
    features = spread * rng.standard_normal((rows, ASSETS * FEATURES))
    account = rng.random((rows, ASSETS + 3))
    return np.concatenate([features, account], axis=1).astype(np.float32)


def torch_logits(actor: Actor, scale: Normaliser, raw: np.ndarray) -> np.ndarray:
    width = ASSETS * FEATURES
    scaled = scale.apply(raw[:, :width].reshape(-1, ASSETS, FEATURES)).reshape(-1, width)
    full = np.concatenate([scaled, raw[:, width:]], axis=1)
    with torch.no_grad():
        logits: np.ndarray = actor(torch.from_numpy(full)).numpy()
    return logits


def onnx_logits(model: bytes, raw: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"observation": raw})
    return np.asarray(logits)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("rows", [1, 33])
def test_onnx_gives_what_torch_gives(scale: Normaliser, activation: str, rows: int) -> None:
    actor, raw = trained_actor(activation), observations(rows)

    logits = onnx_logits(actor_to_onnx(actor, scale), raw)

    assert logits.shape == (rows, ASSETS, 3)
    np.testing.assert_allclose(logits, torch_logits(actor, scale, raw), atol=1e-5)


def test_onnx_clips_as_the_normaliser_does(scale: Normaliser) -> None:
    actor, raw = trained_actor("tanh"), observations(20, spread=100.0)

    logits = onnx_logits(actor_to_onnx(actor, scale), raw)

    np.testing.assert_allclose(logits, torch_logits(actor, scale, raw), atol=1e-5)


def test_onnx_of_one_hidden_layer(scale: Normaliser) -> None:
    actor, raw = trained_actor("tanh", (8,)), observations(4)

    logits = onnx_logits(actor_to_onnx(actor, scale), raw)

    np.testing.assert_allclose(logits, torch_logits(actor, scale, raw), atol=1e-5)


def test_the_same_policy_makes_the_same_bytes(scale: Normaliser) -> None:
    first, second = (actor_to_onnx(trained_actor("tanh"), scale) for _ in range(2))

    assert first == second


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_zip_acts_alike_where_nothing_is_clipped(scale: Normaliser, activation: str) -> None:
    from stable_baselines3 import PPO

    actor, raw = trained_actor(activation), observations(500)
    wanted = torch_logits(actor, scale, raw)

    model = PPO.load(io.BytesIO(actor_to_sb3_zip(actor, scale)), device="cpu")
    actions, _ = model.predict(raw, deterministic=True)
    found = model.policy.get_distribution(torch.from_numpy(raw)).distribution
    probabilities = np.stack([part.probs.detach().numpy() for part in found], axis=1)

    exact = torch.softmax(torch.from_numpy(wanted), -1).numpy()
    np.testing.assert_allclose(probabilities, exact, atol=1e-5)
    ranked = np.sort(wanted, axis=-1)
    clear = ranked[..., -1] - ranked[..., -2] > 1e-4  # of the two best logits
    np.testing.assert_array_equal(actions[clear], wanted.argmax(-1)[clear])


def test_the_zip_needs_no_class_of_ours(scale: Normaliser) -> None:
    data = actor_to_sb3_zip(trained_actor("tanh"), scale)

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        told = archive.read("data")

    assert b"train." not in told
    assert b"envs." not in told


SHARED = [((16,), (8,)), ((16, 8), (8, 4)), ((16,), ())]  # encoder, head


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("hidden", "head"), SHARED)
def test_onnx_of_a_shared_network(
    scale: Normaliser, activation: str, hidden: tuple[int, ...], head: tuple[int, ...]
) -> None:
    actor = trained_actor(activation, hidden, kind="shared", head=head)
    raw = observations(9, spread=5.0)

    logits = onnx_logits(actor_to_onnx(actor, scale), raw)

    np.testing.assert_allclose(logits, torch_logits(actor, scale, raw), atol=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("hidden", "head"), SHARED)
def test_the_zip_of_a_shared_network_acts_alike(
    scale: Normaliser, activation: str, hidden: tuple[int, ...], head: tuple[int, ...]
) -> None:
    from stable_baselines3 import PPO

    actor = trained_actor(activation, hidden, kind="shared", head=head)
    raw = observations(200)
    exact = torch.softmax(torch.from_numpy(torch_logits(actor, scale, raw)), -1).numpy()

    model = PPO.load(io.BytesIO(actor_to_sb3_zip(actor, scale)), device="cpu")
    found = model.policy.get_distribution(torch.from_numpy(raw)).distribution

    probabilities = np.stack([part.probs.detach().numpy() for part in found], axis=1)
    np.testing.assert_allclose(probabilities, exact, atol=1e-5)


def test_a_bundle_may_hold_every_operator_of_a_shared_network(scale: Normaliser) -> None:
    data = actor_to_onnx(trained_actor("tanh", kind="shared"), scale)

    used = {node.op_type for node in onnx.load_model_from_string(data).graph.node}

    assert used <= ALLOWED_OPERATORS


def test_the_same_weights_are_exported_for_another_universe(scale: Normaliser) -> None:
    small = trained_actor("tanh", kind="shared")
    large = PolicyNet(NetworkShape(300, FEATURES, (32, 16), "tanh", kind="shared"))
    large.policy.load_state_dict(small.policy.state_dict())
    rng = np.random.default_rng(3)
    raw = rng.random((2, 300 * (FEATURES + 1) + 3)).astype(np.float32)

    logits = onnx_logits(actor_to_onnx(Actor(large), scale), raw)

    assert logits.shape == (2, 300, 3)
    assert len(actor_to_onnx(Actor(large), scale)) < 40_000
