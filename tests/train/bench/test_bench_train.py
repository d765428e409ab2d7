"""The measurements behind `ploutos bench train`, at a tiny size; no figure is asserted."""

from pathlib import Path

import numpy as np
import pytest

from cluster.errors import UsageError
from envs import Market, V6Params
from envs.adapters.vector import TradingVectorEnv
from envs.bench import random_market
from expansion import expand
from places import ROOT
from train.bench.bench_train import SCALAR_FILE, bench_train
from train.bench.clock import best_rates
from train.bench.sb3 import ScalarEnv, scalar_environment
from train.bench.setting import Setting, Workplace

TINY = Setting(
    assets=2, bars=300, hidden=(8,), n_envs=16, n_steps=8, batch_size=64, n_epochs=1, rounds=1
)
KEYS = (
    "sampling_speedup",
    "rllib_speedup",
    "sb3_speedup",
    "rllib_over_sb3",
    "runner_private_mb",
    "two_trials_speedup",
)


class TestClock:
    def test_the_best_slice_counts_and_the_first_one_warms_up(self) -> None:
        now, taken = [0.0], {"quick": iter([9.0, 2.0, 1.0]), "slow": iter([9.0, 4.0, 8.0])}

        def working(name: str) -> int:
            now[0] += next(taken[name])
            return 100

        rates = best_rates(
            {name: lambda name=name: working(name) for name in taken},
            rounds=2,
            clock=lambda: now[0],
        )

        assert rates == {"quick": 100.0, "slow": 25.0}


class TestScalarEnvironment:
    @pytest.fixture
    def market(self) -> Market:
        return random_market(assets=3, bars=120)

    def test_it_shows_and_does_what_the_compiled_one_does(self, market: Market) -> None:
        params = V6Params.default(slippage_model="none")
        scalar = ScalarEnv(scalar_environment(ROOT / SCALAR_FILE), market, params)
        native = TradingVectorEnv(market, params, num_envs=1)
        first, _ = scalar.reset(seed=4)
        seen, _ = native.reset(options={"start": scalar._v6.t})
        np.testing.assert_allclose(first, expand(market.table, seen)[0], atol=1e-6)

        rng = np.random.default_rng(0)
        for _ in range(20):
            action = rng.integers(0, 3, 3)
            full, reward, _, truncated, _ = scalar.step(action)
            seen, rewards, _, ends, _ = native.step(action[None])
            np.testing.assert_allclose(full, expand(market.table, seen)[0], atol=1e-5)
            assert (reward, truncated) == (pytest.approx(rewards[0]), ends[0])
            if truncated:
                break

    def test_without_a_checkout_it_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="checkout"):
            scalar_environment(tmp_path / "scalar_v6.py")


def test_both_learners_get_the_same_numbers(tmp_path: Path) -> None:
    place = Workplace.prepare(TINY, tmp_path)

    sb3, rllib = (place.spec(learner, learner) for learner in ("sb3", "rllib"))

    assert sb3.config.training == rllib.config.training
    assert sb3.config.training.n_envs * sb3.config.training.n_steps == TINY.rollout == 128
    assert sb3.load_market().num_bars == 300
    assert sb3.log_folder != rllib.log_folder


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.chaos
def test_six_figures_in_the_order_that_was_agreed() -> None:
    told: list[str] = []

    figures = bench_train(TINY, told.append, ROOT / SCALAR_FILE)

    assert tuple(figures) == KEYS
    assert all(value > 0 for value in figures.values())
    assert len(told) == 5
