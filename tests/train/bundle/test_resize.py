"""A shared network read back from its file and written for other numbers of assets."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from cluster.errors import BundleError
from train.bundle.inference import likeliest
from train.bundle.manifest import Manifest, ManifestFields, Normalisation, complete
from train.bundle.resize import for_assets, is_shared
from train.policy.export import actor_to_onnx
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.policy.normaliser import Normaliser

FEATURES = 5
SCALE = Normaliser(np.arange(5, dtype=np.float32), np.full(5, 2.0, np.float32))


def actor(assets: int, seed: int = 0, **shape: object) -> Actor:
    """Weights do not depend on the number of assets, so the same seed gives the same ones."""
    torch.manual_seed(seed)
    sizes = {"hidden": (6, 7), "head": (4,), "kind": "shared"} | shape
    net = PolicyNet(NetworkShape(assets, FEATURES, **sizes))  # type: ignore[arg-type]
    with torch.no_grad():
        for weights in net.policy.parameters():
            weights.normal_(0.0, 0.7)
    return Actor(net)


@pytest.fixture
def manifest(stated: ManifestFields) -> Callable[[int], Manifest]:
    """Of a bundle for so many assets."""

    def make(assets: int) -> Manifest:
        fields = {
            "symbols": tuple(f"S{asset}" for asset in range(assets)),
            "feature_names": tuple(f"f{column}" for column in range(FEATURES)),
            "normaliser": Normalisation.model_validate(SCALE.to_dict()),
        }
        return complete(stated.model_copy(update=fields), {"policy.onnx": "ab" * 32})

    return make


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("head", [(4,), (4, 3)])
@pytest.mark.parametrize("assets", [1, 3, 8])
def test_it_is_the_network_of_the_same_weights(
    manifest: Callable[[int], Manifest], activation: str, head: tuple[int, ...], assets: int
) -> None:
    made = actor_to_onnx(actor(4, activation=activation, head=head), SCALE)

    other = for_assets(made, manifest(4), assets)

    assert other == actor_to_onnx(actor(assets, activation=activation, head=head), SCALE)


def test_it_acts_on_each_asset_as_before(manifest: Callable[[int], Manifest]) -> None:
    """Twice the same assets with the same positions: the mean over assets, and the rest, stay."""
    made = actor_to_onnx(actor(3), SCALE)
    features = np.random.default_rng(1).normal(0, 3, (64, 3, FEATURES)).astype(np.float32)
    positions = np.random.default_rng(2).uniform(0, 0.1, (64, 3)).astype(np.float32)
    account = np.random.default_rng(3).uniform(0, 1, (64, 3)).astype(np.float32)

    def observed(times: int) -> np.ndarray:
        table = np.tile(features, (1, times, 1)).reshape(64, -1)
        return np.concatenate([table, np.tile(positions, (1, times)), account], axis=1)

    twice = likeliest(for_assets(made, manifest(3), 6))(observed(2))

    once = likeliest(made)(observed(1))
    assert len(np.unique(once)) >= 2
    np.testing.assert_array_equal(twice, np.tile(once, (1, 2)))


def test_a_flat_network_is_told_from_a_shared_one() -> None:
    flat = Actor(PolicyNet(NetworkShape(3, FEATURES, (8,))))

    assert is_shared(actor_to_onnx(actor(3), SCALE))
    assert not is_shared(actor_to_onnx(flat, SCALE))


def test_a_file_of_another_normaliser_is_refused(manifest: Callable[[int], Manifest]) -> None:
    other = Normaliser(SCALE.mean + 1.0, SCALE.std)

    with pytest.raises(BundleError, match="cannot be written for other symbols"):
        for_assets(actor_to_onnx(actor(4), other), manifest(4), 3)
