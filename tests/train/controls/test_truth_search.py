"""The cheap policies: fitted on the training window alone, and exported as what they are."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Market, V6Params, Window
from features import feature_names
from train.backtest.evaluation import evaluate
from train.controls.truth_search import (
    FAMILIES,
    SEEDS,
    LinearPolicy,
    Ridge,
    fit,
    sample_configurations,
    walk_together,
)
from train.policy.contract import INPUT_NAME
from train.policy.export import actor_to_onnx
from train.policy.normaliser import Normaliser

BARS, ASSETS = 300, 3
TRAIN = Window(0, 200)
REVERSION = Ridge("reversion", horizon=1, bought=0.3, penalty=1.0)


@pytest.fixture(scope="module")
def market() -> Market:
    """Daily bars that follow `zscore_50`; every other column is noise."""
    random = np.random.default_rng(3)
    names = feature_names("v6")
    features = random.normal(size=(BARS, ASSETS, len(names))).astype(np.float32).clip(-5, 5)
    known = features[:, :, names.index("zscore_50")]
    moves = random.normal(0.0, 0.01, (BARS, ASSETS))
    moves[1:] -= 0.02 * known[:-1]  # the bar after: it is bought at its open
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    return Market.from_arrays(
        close=close,
        open=np.vstack([close[:1], close[:-1]]),
        ts=np.datetime64("2020-01-01", "D") + np.arange(BARS),
        features=features,
        symbols=["A", "B", "C"],
        feature_names=names,
    )


@pytest.fixture(scope="module")
def scale(market: Market) -> Normaliser:
    return Normaliser.fit(market.features, market.tradable, TRAIN)


def test_every_family_reads_columns_of_the_set_and_none_is_read_twice() -> None:
    named = [name for family in FAMILIES.values() for name in family]

    assert set(named) <= set(feature_names("v6"))
    assert len(set(named)) == len(named)


def test_a_search_has_a_configuration_of_every_family_and_repeats_itself() -> None:
    first = sample_configurations(4)

    assert [one.family for one in first] == list(FAMILIES)
    assert sample_configurations(4) == first
    assert len({str(sample_configurations(seed)) for seed in range(20)}) > 10


def test_the_regression_finds_the_column_that_leads(market: Market, scale: Normaliser) -> None:
    policy = fit(market, scale, TRAIN, REVERSION, seed=0)

    names = {market.feature_names[at] for at in np.flatnonzero(policy.weights)}
    assert names == set(FAMILIES["reversion"])
    largest = market.feature_names[int(np.argmax(np.abs(policy.weights)))]
    assert largest == "zscore_50"
    assert policy.weights[market.feature_names.index("zscore_50")] < -0.9  # of unit scores


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), horizon=st.sampled_from([1, 2, 5]))
def test_no_bar_after_the_window_has_a_say(
    market: Market, scale: Normaliser, seed: int, horizon: int
) -> None:
    """What lies at and behind `high` may be anything."""
    asked = replace(REVERSION, horizon=horizon)
    low, high = TRAIN.start, TRAIN.stop
    later = np.random.default_rng(seed)
    open_, features = market.open.copy(), market.features.copy()
    open_[high:] *= later.uniform(0.2, 5.0, open_[high:].shape)
    features[high:] = later.normal(size=features[high:].shape).clip(-5, 5)
    other = replace(market, open=open_, features=features)

    mine, theirs = (fit(one, scale, Window(low, high), asked, seed=1) for one in (market, other))

    np.testing.assert_array_equal(mine.weights, theirs.weights)
    assert (mine.upper, mine.lower) == (theirs.upper, theirs.lower)


def test_seeds_see_other_samples(market: Market, scale: Normaliser) -> None:
    fitted = [fit(market, scale, TRAIN, REVERSION, seed) for seed in SEEDS]

    column = market.feature_names.index("zscore_50")
    assert len({float(policy.weights[column]) for policy in fitted}) == len(SEEDS)
    again = fit(market, scale, TRAIN, REVERSION, seed=2)
    np.testing.assert_array_equal(again.weights, fitted[2].weights)


def test_the_share_of_buys_is_the_one_asked_for(market: Market, scale: Normaliser) -> None:
    policy = fit(market, scale, TRAIN, replace(REVERSION, bought=0.2), seed=0)

    sent = policy.actions(scale.apply(market.features[TRAIN.slice]))

    assert np.mean(sent == 1) == pytest.approx(0.2, abs=0.02)
    assert np.mean(sent == 2) == pytest.approx(0.2, abs=0.02)


def test_the_exported_network_says_the_same(market: Market, scale: Normaliser) -> None:
    policy = fit(market, scale, TRAIN, REVERSION, seed=0)
    account = np.zeros((BARS, ASSETS + 3), np.float32)
    observation = np.hstack([market.table, account])

    session = onnxruntime.InferenceSession(actor_to_onnx(policy.actor(ASSETS), scale))
    (logits,) = session.run(None, {INPUT_NAME: observation})

    wanted = policy.actions(scale.apply(market.features))
    assert set(np.unique(wanted)) == {0, 1, 2}
    np.testing.assert_array_equal(logits.argmax(axis=2), wanted)


def test_walking_together_is_walking_alone(market: Market, scale: Normaliser) -> None:
    # given: three policies, and no slippage draw, which depends on the environment's number
    params = V6Params.default(slippage_model="none")
    policies = [fit(market, scale, TRAIN, REVERSION, seed) for seed in range(3)]
    actions = np.stack([policy.actions(scale.apply(market.features)) for policy in policies])
    window = Window(210, BARS)

    together = walk_together(actions, market, params, window, seed=0)

    for sent, walk in zip(actions, together, strict=True):
        bars = iter(range(window.start, window.last))
        alone = evaluate(
            lambda seen, bars=bars, sent=sent: sent[next(bars)][None], market, params, window
        )
        np.testing.assert_array_equal(walk.equity, alone.equity)
        np.testing.assert_array_equal(walk.daily_returns, alone.daily_returns)
        assert (walk.fills, walk.ruined) == (alone.fills, alone.ruined)
        assert walk.fills > 20


def test_ruin_closes_one_account_and_not_its_neighbour() -> None:
    # given: one symbol that halves every five days
    close = 100.0 * 0.87 ** np.arange(60)[:, None]
    falling = Market.from_arrays(
        close=close, open=close, ts=np.datetime64("2020-01-01", "D") + np.arange(60)
    )
    params = V6Params.default(buy_pct=0.9, max_position_pct=1.0, slippage_model="none")
    buys, waits = np.ones((60, 1), int), np.zeros((60, 1), int)

    ruined, idle = walk_together(np.stack([buys, waits]), falling, params, Window(0, 60), seed=0)

    assert ruined.ruined
    assert ruined.equity[-1] < 50_000.0
    assert (np.diff(ruined.equity)[20:] == 0.0).all()
    assert not idle.ruined
    assert (idle.equity == 100_000.0).all()


def test_a_policy_without_weights_does_nothing() -> None:
    still = LinearPolicy(np.zeros(4), upper=0.0, lower=0.0)

    assert (still.actions(np.ones((5, 2, 4), np.float32)) == 0).all()
