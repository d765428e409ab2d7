import numpy as np
import pytest
import torch

from envs import Market
from expansion import expand
from train.policy.distribution import Choices
from train.policy.networks import Actor, NetworkShape, PolicyNet, TableReader, table_tensor

SHAPE = NetworkShape(num_assets=4, num_features=5, hidden=(16, 8))
BARS = 50


@pytest.fixture
def net() -> PolicyNet:
    torch.manual_seed(0)
    net = PolicyNet(SHAPE)
    for parameter in net.policy.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return net


@pytest.fixture
def table() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((BARS, SHAPE.table_width)).astype(np.float32)


def compact(rows: int, seed: int = 1) -> np.ndarray:
    """(rows, A + 4) f32: bars, then account numbers in [0, 1]."""
    rng = np.random.default_rng(seed)
    account = rng.random((rows, SHAPE.num_assets + 3))
    return np.concatenate([rng.integers(0, BARS, (rows, 1)), account], axis=1).astype(np.float32)


@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("grad", [True, False])
def test_compact_and_full_observations_give_the_same(
    net: PolicyNet, table: np.ndarray, rows: int, grad: bool
) -> None:
    short = compact(rows)
    full = torch.from_numpy(expand(table, short))
    reader = TableReader(net, torch.from_numpy(table))

    with torch.set_grad_enabled(grad):
        logits, values = (
            reader.logits(torch.from_numpy(short)),
            reader.values(torch.from_numpy(short)),
        )

    assert logits.shape == (rows, 3, 4)
    torch.testing.assert_close(logits, net.logits(full), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(values, net.values(full), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rows", [7, 300])
def test_gradients_are_those_of_full_observations(
    net: PolicyNet, table: np.ndarray, rows: int
) -> None:
    short = compact(rows)
    reader = TableReader(net, torch.from_numpy(table))
    weight = net.policy.linears()[0].weight

    reader.logits(torch.from_numpy(short)).square().sum().backward()
    by_table, weight.grad = weight.grad, None
    net.logits(torch.from_numpy(expand(table, short))).square().sum().backward()

    assert by_table is not None
    torch.testing.assert_close(by_table, weight.grad, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("fused", [False, True])
def test_an_optimiser_step_renews_the_projected_table(
    net: PolicyNet, table: np.ndarray, fused: bool
) -> None:
    short = torch.from_numpy(compact(20))
    reader = TableReader(net, torch.from_numpy(table))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1, fused=fused)
    with torch.no_grad():
        before = reader.logits(short)

    reader.logits(short).square().sum().backward()
    optimiser.step()
    with torch.no_grad():
        after = reader.logits(short)

    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, reader.logits(short).detach(), atol=1e-6, rtol=1e-5)


def test_loaded_weights_renew_the_projected_table(net: PolicyNet, table: np.ndarray) -> None:
    short = torch.from_numpy(compact(20))
    reader = TableReader(net, torch.from_numpy(table))
    with torch.no_grad():
        reader.logits(short)
        net.load_state_dict(PolicyNet(SHAPE).state_dict())
        after = reader.logits(short)

    torch.testing.assert_close(after, reader.logits(short).detach(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("grad", [True, False])
def test_bf16_multiplies_coarsely_and_answers_in_float32(
    net: PolicyNet, table: np.ndarray, grad: bool
) -> None:
    short = torch.from_numpy(compact(300))
    exact, coarse = (
        TableReader(net, torch.from_numpy(table), precision) for precision in ("float32", "bf16")
    )

    with torch.set_grad_enabled(grad):
        wanted, found = exact.logits(short), coarse.logits(short)

    assert (found.dtype, coarse.values(short).dtype) == (torch.float32, torch.float32)
    error = (found - wanted).abs().max().item()
    assert 0.0 < error < 0.02 * wanted.abs().max().item()  # bfloat16 has 8 bits of mantissa
    if grad:
        found.square().sum().backward()
        assert all(parameter.grad.dtype == torch.float32 for parameter in net.policy.parameters())


def test_the_table_is_no_part_of_the_state(net: PolicyNet, table: np.ndarray) -> None:
    reader = TableReader(net, torch.from_numpy(table))

    assert all(not name.endswith("table") for name in reader.state_dict())


def test_the_table_shares_the_markets_memory() -> None:
    features = np.ones((10, 2, 3), np.float32)
    market = Market.from_arrays(close=np.ones((10, 2)), features=features)

    tensor = table_tensor(market)

    assert tensor.shape == (10, 6)
    assert tensor.data_ptr() == market.features.__array_interface__["data"][0]


def test_the_actor_lays_logits_out_asset_by_asset(net: PolicyNet) -> None:
    observation = torch.randn(6, SHAPE.observation_width)
    actor = Actor(net)

    logits = actor(observation)

    assert logits.shape == (6, 4, 3)
    torch.testing.assert_close(logits, net.logits(observation).transpose(1, 2))
    np.testing.assert_array_equal(
        actor.act(observation.numpy()), logits.detach().numpy().argmax(-1)
    )


def test_a_new_policy_is_close_to_indifferent() -> None:
    torch.manual_seed(0)
    choices = Choices(PolicyNet(SHAPE).logits(torch.randn(100, SHAPE.observation_width)))

    assert choices.entropy().mean().item() == pytest.approx(4 * np.log(3), rel=1e-3)


class TestChoices:
    logits = torch.randn(500, 3, 4, generator=torch.Generator().manual_seed(3))

    def reference(self) -> torch.distributions.Categorical:
        return torch.distributions.Categorical(logits=self.logits.transpose(1, 2))

    def test_log_probability_and_entropy_are_those_of_four_categoricals(self) -> None:
        actions = torch.randint(0, 3, (500, 4))

        mine = Choices(self.logits)

        expected = self.reference().log_prob(actions).sum(-1)
        torch.testing.assert_close(mine.log_prob(actions), expected)
        torch.testing.assert_close(mine.entropy(), self.reference().entropy().sum(-1))

    def test_divergence_is_that_of_four_categoricals(self) -> None:
        other = self.logits.flip(0)
        expected = torch.distributions.kl_divergence(
            self.reference(), torch.distributions.Categorical(logits=other.transpose(1, 2))
        ).sum(-1)

        torch.testing.assert_close(Choices(self.logits).divergence(Choices(other)), expected)

    def test_draws_have_the_frequencies_of_the_probabilities(self) -> None:
        logits = self.logits[:1].expand(200_000, 3, 4)

        drawn = Choices(logits).sample(torch.Generator().manual_seed(0))

        found = torch.stack([(drawn == choice).float().mean(0) for choice in range(3)])
        torch.testing.assert_close(found, self.logits[0].softmax(0), atol=5e-3, rtol=0)

    def test_mode_is_the_likeliest(self) -> None:
        torch.testing.assert_close(Choices(self.logits).mode(), self.logits.argmax(1))
