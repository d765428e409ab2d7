"""Positive controls of the learners: what must be found is found, and only because it is there."""

import numpy as np
import pytest
import torch

from envs import Market, Window
from train.controls.learning_check import Case, run_market
from train.controls.learning_markets import LearningMarket, halves, planted_market

BARS, ASSETS = 1400, 3
STEPS = 16_384


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def random_walks(*, leaking: bool) -> LearningMarket:
    """Hourly random walks; the first feature is the return that a fill at the next open earns."""
    random = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (BARS, ASSETS)), axis=0))
    gaps = np.exp(random.normal(0.0, 0.001, close.shape))
    open_ = np.vstack([close[:1], close[:-1]]) * gaps
    ahead = np.zeros(close.shape)
    ahead[:-2] = np.log(open_[2:] / open_[1:-1])
    noise = random.normal(size=(2, *close.shape))
    shown = ahead / 0.01 if leaking else noise[0]
    day, hour = np.divmod(np.arange(BARS), 7)
    market = Market.from_arrays(
        close=close,
        open=open_,
        session=day,
        ts=np.datetime64("2020-01-01T14:30", "us")
        + (day * 1440 + hour * 60).astype("timedelta64[m]"),
        volume=np.full(close.shape, 1e7),
        volatility=np.full(close.shape, 0.01),
        features=np.stack([shown, noise[1]], axis=2).clip(-10, 10),
        symbols=["A", "B", "C"],
        feature_names=["ahead", "noise"],
    )
    return LearningMarket(market, Window(0, 700), Window(721, BARS))


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["sb3", "rllib"])
@pytest.mark.usefixtures("local_ray")
def test_a_feature_that_leaks_the_next_return_makes_rich(learner: str) -> None:
    """Otherwise the learner, or the way from its action to the fill, is broken."""
    rich = run_market(random_walks(leaking=True), Case("leak", learner, "flat", 0), STEPS)

    assert rich["sharpe"] > 8.0
    assert rich["sharpe"] > rich["equal_weight"] + 6.0


def test_without_the_leak_the_same_training_earns_nothing() -> None:
    poor = run_market(random_walks(leaking=False), Case("leak", "sb3", "flat", 0), STEPS)

    assert poor["sharpe"] < 2.0


def test_a_large_planted_edge_is_learned() -> None:
    place = halves(planted_market(20.0, seed=0, symbols=6, sessions=504))

    found = run_market(place, Case("edge", "sb3", "shared", 0), 2 * STEPS)

    assert found["sharpe"] > 5.0
    assert found["sharpe"] > found["equal_weight"] + 3.0
