import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from expansion import expand
from train.policy.networks import NetworkShape, PolicyNet, TableReader
from train.policy.shared_network import SharedPolicy

FEATURES, BARS = 5, 40


def shape(assets: int, activation: str = "tanh") -> NetworkShape:
    return NetworkShape(assets, FEATURES, (16, 8), activation, kind="shared", head=(12,))


def network(assets: int, activation: str = "tanh") -> PolicyNet:
    torch.manual_seed(0)
    net = PolicyNet(shape(assets, activation))
    for parameter in net.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return net


def observation(rows: int, assets: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, shape(assets).observation_width, generator=_generator(seed))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def permuted(full: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The same observation with its assets in another order."""
    assets = len(order)
    features, positions, account = full.split([assets * FEATURES, assets, 3], dim=1)
    features = features.reshape(-1, assets, FEATURES)[:, order].flatten(1)
    return torch.cat([features, positions[:, order], account], dim=1)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(7)), activation=st.sampled_from(["tanh", "relu"]))
def test_permuting_the_assets_permutes_the_actions(order: list[int], activation: str) -> None:
    net, full, index = network(7, activation), observation(6, 7), torch.tensor(order)

    logits, values = net.logits(full), net.values(full)
    other = permuted(full, index)

    torch.testing.assert_close(net.logits(other), logits[:, :, index], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(net.values(other), values, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("assets", [1, 3, 300])
def test_one_set_of_weights_serves_any_number_of_assets(assets: int) -> None:
    learned = network(22)

    net = PolicyNet(shape(assets))
    net.load_state_dict(learned.state_dict())

    assert net.logits(observation(4, assets)).shape == (4, 3, assets)
    assert net.values(observation(4, assets)).shape == (4,)


def test_an_asset_twice_in_the_universe_is_treated_as_once() -> None:
    one, two = network(1), network(2)
    features, position = torch.randn(5, FEATURES), torch.rand(5, 1)
    account = torch.rand(5, 3)

    alone = one.logits(torch.cat([features, position, account], 1))
    twice = two.logits(torch.cat([features, features, position, position, account], 1))

    torch.testing.assert_close(twice, alone.expand(5, 3, 2), atol=1e-6, rtol=1e-5)


def test_the_context_reaches_every_asset() -> None:
    net, full = network(3), observation(1, 3).requires_grad_()

    net.logits(full)[0, 1, 2].backward()  # selling asset 2

    assert full.grad is not None
    assert (full.grad[0] != 0).all()  # every feature of every asset, and the account


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("grad", [True, False])
def test_compact_and_full_observations_give_the_same(rows: int, grad: bool) -> None:
    net = network(4)
    rng = np.random.default_rng(1)
    table = rng.standard_normal((BARS, 4 * FEATURES)).astype(np.float32)
    parts = [rng.integers(0, BARS, (rows, 1)), rng.random((rows, 7))]
    compact = np.concatenate(parts, axis=1).astype(np.float32)
    full = torch.from_numpy(expand(table, compact))
    reader = TableReader(net, torch.from_numpy(table))

    with torch.set_grad_enabled(grad):
        logits = reader.logits(torch.from_numpy(compact))
        values = reader.values(torch.from_numpy(compact))

    torch.testing.assert_close(logits, net.logits(full), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(values, net.values(full), atol=1e-6, rtol=1e-5)


def test_a_gradient_step_renews_the_projected_table() -> None:
    net = network(4)
    table = torch.randn(BARS, 4 * FEATURES)
    compact = torch.cat([torch.arange(20.0).unsqueeze(1), torch.rand(20, 7)], dim=1)
    reader = TableReader(net, table)
    with torch.no_grad():
        before = reader.logits(compact)

    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    reader.logits(compact).square().sum().backward()
    optimiser.step()
    with torch.no_grad():
        after = reader.logits(compact)

    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, reader.logits(compact).detach(), atol=1e-6, rtol=1e-5)


def test_a_new_policy_is_close_to_indifferent() -> None:
    torch.manual_seed(0)
    policy = SharedPolicy(shape(9))

    assert policy(observation(50, 9)).abs().max().item() < 0.1
