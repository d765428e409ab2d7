"""Compact observations and full ones are the same thing to both learners."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from cluster.errors import ConfigError, DataError
from envs import Market
from envs.adapters.sb3 import SB3VectorEnv
from expansion import expand
from train.learners.factory import create_learner
from train.learners.rllib_learner import ppo_config
from train.learners.rllib_module import TableModule
from train.learners.rllib_runner import BatchedEnvRunner
from train.learners.sb3_learner import SB3Learner
from train.learners.spec import LearnerSpec
from train.market.stored import check_same_market, open_market
from train.policy.distribution import Choices
from train.policy.networks import PolicyNet, TableReader, table_tensor

MakeSpec = Callable[..., LearnerSpec]


@pytest.fixture
def spec(random_market: Market, small: Callable[..., Any], make_spec: MakeSpec) -> LearnerSpec:
    return make_spec(random_market, small("rllib"), seed=1)


class FullModule(TableModule):
    """The same network on full observations."""

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self.net.logits(batch[Columns.OBS]).flatten(-2)}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        return self.net.values(batch[Columns.OBS])


@pytest.mark.parametrize("grad", [False, True])
def test_logits_and_values_agree(spec: LearnerSpec, random_market: Market, grad: bool) -> None:
    torch.manual_seed(0)
    net = PolicyNet(spec.network_shape(random_market))
    reader = TableReader(net, table_tensor(random_market))
    rng = np.random.default_rng(0)
    bars = rng.integers(0, random_market.num_bars, (200, 1))
    compact = np.concatenate([bars, rng.random((200, 6))], 1).astype(np.float32)
    full = torch.from_numpy(expand(random_market.table, compact))

    with torch.set_grad_enabled(grad):
        logits, values = (
            read(torch.from_numpy(compact)) for read in (reader.logits, reader.values)
        )

    assert (logits - net.logits(full)).abs().max() < 1e-6
    assert (values - net.values(full)).abs().max() < 1e-5  # values are about 1, logits about 0.01


def test_gradients_agree(spec: LearnerSpec, random_market: Market) -> None:
    torch.manual_seed(0)
    net = PolicyNet(spec.network_shape(random_market))
    reader = TableReader(net, table_tensor(random_market))
    bars = torch.tensor([5.0, 9.0, 5.0, 5.0, 700.0]).unsqueeze(1)
    compact = torch.cat([bars, torch.rand(5, 6)], dim=1)
    full = torch.from_numpy(expand(random_market.table, compact.numpy()))

    (reader.logits(compact).square().sum() + reader.values(compact).sum()).backward()
    found = [weight.grad.clone() for weight in net.parameters() if weight.grad is not None]
    net.zero_grad()
    (net.logits(full).square().sum() + net.values(full).sum()).backward()

    for one, other in zip(found, net.parameters(), strict=True):
        torch.testing.assert_close(one, other.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:.*already in registry:UserWarning")
def test_rllib_walks_the_same_way(spec: LearnerSpec, random_market: Market) -> None:
    compact_config = ppo_config(spec, stock_runner=False)
    full_config = ppo_config(spec, stock_runner=False)
    module = RLModuleSpec(
        module_class=FullModule, model_config=full_config.rl_module_spec.model_config
    )
    full_config.environment(env_config={"observation": "full"}).rl_module(rl_module_spec=module)
    compact, full = (BatchedEnvRunner(config=config) for config in (compact_config, full_config))
    full.set_state(compact.get_state(components="rl_module"))

    rows = []
    for runner in (compact, full):
        torch.manual_seed(2)
        rows.append(runner.sample(num_timesteps=1000))
        runner.stop()

    expanded = expand(random_market.table, rows[0].pop(Columns.OBS))
    np.testing.assert_array_equal(expanded, rows[1].pop(Columns.OBS))
    np.testing.assert_array_equal(rows[0].pop(Columns.ACTIONS), rows[1].pop(Columns.ACTIONS))
    for name, column in rows[0].items():
        np.testing.assert_allclose(column, rows[1][name], atol=2e-5, rtol=1e-4)


def test_stable_baselines3_walks_the_same_way(
    spec: LearnerSpec, random_market: Market, small: Callable[..., Any]
) -> None:
    config = small("sb3")
    learner = SB3Learner(dataclasses.replace(spec, config=config))
    learner.train(512)
    samples = learner._model.rollout_buffer.samples
    torch.manual_seed(3)
    again = SB3Learner(dataclasses.replace(spec, config=config))  # weights as before the training
    net = again._policy.net
    env = SB3VectorEnv(
        random_market,
        config.v6_params(),
        config.training.n_envs,
        observation="full",
        window=spec.window,
        seed=spec.seed,
    )

    observation, walked = env.reset(), []
    with torch.no_grad():
        for _ in range(config.training.n_steps):
            actions = Choices(net.logits(torch.from_numpy(observation))).sample()
            walked.append((observation, actions.numpy()))
            observation, *_ = env.step(actions.numpy())

    seen, done = (np.concatenate(part) for part in zip(*walked, strict=True))
    np.testing.assert_array_equal(seen, expand(random_market.table, samples.observations.numpy()))
    np.testing.assert_array_equal(done, samples.actions.numpy())


class TestTheTable:
    def test_it_is_found_by_its_hash_where_the_path_is_of_another_machine(
        self, random_market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
        random_market.save(tmp_path / "home" / "tables")

        found = open_market(Path("/elsewhere/tables/0123"), random_market.fingerprint)

        np.testing.assert_array_equal(found.features, random_market.features)

    def test_one_that_is_nowhere_is_a_data_error(
        self, random_market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path))

        with pytest.raises(DataError, match="not a saved Market"):
            open_market(Path("/elsewhere/tables/0123"), random_market.fingerprint)

    def test_one_that_was_changed_on_disk_is_refused(
        self, random_market: Market, tmp_path: Path
    ) -> None:
        folder = random_market.save(tmp_path)
        file = folder / "features.npy"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)

        with pytest.raises(ConfigError, match="another market"):
            open_market(folder, random_market.fingerprint)

    def test_a_checkpoint_of_another_market_is_refused(
        self,
        random_market: Market,
        sine_market: Market,
        small: Callable[..., Any],
        make_spec: MakeSpec,
        tmp_path: Path,
    ) -> None:
        first = create_learner(make_spec(random_market, small()))
        first.save(tmp_path / "checkpoint")
        second = create_learner(make_spec(sine_market, small()))

        with pytest.raises(ConfigError, match="was trained on another market"):
            second.load(tmp_path / "checkpoint")

    def test_the_same_market_passes(self) -> None:
        check_same_market("ab" * 32, "ab" * 32, Path("checkpoint"))


def test_a_checkpoint_is_continued_in_another_home(
    random_market: Market,
    small: Callable[..., Any],
    make_spec: MakeSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = make_spec(random_market, small())
    first = create_learner(spec)
    first.train(512)
    first.save(tmp_path / "checkpoint")
    home = tmp_path / "moved"
    shutil.move(spec.market.parent, home / "tables")
    monkeypatch.setenv("PLOUTOS_HOME", str(home))

    second = create_learner(spec)  # still names the old folder
    second.load(tmp_path / "checkpoint")

    assert second.num_timesteps == 512
    states = (learner.actor().state_dict().values() for learner in (first, second))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))
