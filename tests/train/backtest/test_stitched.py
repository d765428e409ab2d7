"""Test windows one after the other as one path: wealth is handed on, returns stay."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from envs import Market, V6Params, Window
from train.backtest.costs import with_costs
from train.backtest.evaluation import evaluate
from train.backtest.stitched import Piece, stitch, walk_at_random, walk_baselines, walk_policy

WINDOWS = (Window(140, 210), Window(210, 280), Window(280, 420))


def pieces(market: Market, *windows: tuple[int, int]) -> list[Piece]:
    """A policy that buys and sells at random, the same in every window."""
    made = []
    for fold, window in enumerate(windows):
        random = np.random.default_rng(fold)

        def act(observation: np.ndarray, random: np.random.Generator = random) -> np.ndarray:
            return random.integers(0, 3, (len(observation), market.num_assets))

        made.append(Piece(act, "p", "t", market, V6Params.default(), window, fold))
    return made


def test_the_path_has_every_session_once_with_its_own_return(market: Market) -> None:
    parts = [walk_policy([piece])[0] for piece in pieces(market, *WINDOWS)]

    path = stitch(walk_policy(pieces(market, *WINDOWS)))

    returns = np.concatenate([part.daily_returns for part in parts])
    np.testing.assert_array_equal(path.daily_returns, returns)
    assert path.sessions.tolist() == list(range(20, 60))
    assert path.fills == sum(part.fills for part in parts) > 0
    assert path.actions is not None
    assert path.shares is not None
    assert path.actions.shape == path.shares.shape == (69 + 69 + 139, 3)
    held = np.sum(path.shares * market.close[path.bars], axis=1)
    np.testing.assert_allclose(path.invested, held, rtol=1e-9, atol=1e-6)


def test_a_piece_takes_up_the_wealth_of_the_one_before(market: Market) -> None:
    path = stitch(walk_policy(pieces(market, *WINDOWS)))

    growth = float(np.prod(1.0 + path.daily_returns))
    assert path.equity[0] == 100_000
    assert path.equity[-1] == pytest.approx(100_000 * growth, rel=1e-12)
    assert len(path.equity) == len(path.bars) + 1 == len(path.costs) + 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=3))
def test_shares_of_wealth_do_not_depend_on_the_wealth_before(drifts: list[float]) -> None:
    """Exposure, turnover and cost drag are ratios, so scaling a piece leaves them."""
    close = 100.0 * np.exp(np.cumsum(np.repeat(drifts, 40) / 7))[:, None]
    market = Market.from_arrays(
        close=close,
        open=close,
        session=np.arange(120) // 4,
        ts=np.datetime64("2024-01-02T14:30", "us") + np.arange(120).astype("timedelta64[h]") * 6,
    )
    params = dataclasses.replace(V6Params.default(), slippage_model="none")
    windows = (Window(0, 40), Window(40, 80), Window(80, 120))
    parts = [Piece(lambda o: np.ones((1, 1), int), "p", "t", market, params, w, 0) for w in windows]
    alone = [evaluate(part.act, market, params, part.window) for part in parts]

    path = stitch(alone)

    shares = np.concatenate([walk.invested / walk.equity[1:] for walk in alone])
    np.testing.assert_allclose(path.invested / path.equity[1:], shares, rtol=1e-12)
    assert path.ruined == any(walk.ruined for walk in alone)


def test_baselines_cover_the_same_sessions(market: Market) -> None:
    parts = pieces(market, *WINDOWS)

    path, others = stitch(walk_policy(parts)), walk_baselines(parts)

    names = [row.name for row in others]
    assert names[:3] == ["flat", "buy_and_hold", "equal_weight"]
    assert all(row.sessions.tolist() == path.sessions.tolist() for row in others)
    assert others[0].daily_returns.tolist() == [0.0] * path.days


def test_dearer_trades_cost_more_of_the_same_path(market: Market) -> None:
    plain = stitch(walk_policy(pieces(market, *WINDOWS)))
    dear = stitch(
        walk_policy(pieces(market, *WINDOWS), change=lambda params: with_costs(params, 2.0))
    )

    assert 1.8 < dear.cost_drag / plain.cost_drag < 2.2
    assert dear.equity[-1] < plain.equity[-1]


def test_random_policies_walk_the_whole_path(market: Market) -> None:
    parts = pieces(market, *WINDOWS)
    walks = walk_policy(parts)

    found = walk_at_random(parts, walks)

    assert found.daily_returns.shape == (40, 200)
    assert found.beside(stitch(walks)).policies == 200
    assert found.exposure == pytest.approx(stitch(walks).exposure, rel=0.5)


def test_windows_out_of_order_are_refused(market: Market) -> None:
    with pytest.raises(DataError, match="overlap"):
        stitch(walk_policy(pieces(market, WINDOWS[1], WINDOWS[0])))


def test_the_reading_names_the_sessions(market: Market) -> None:
    (piece,) = pieces(market, WINDOWS[0])

    reading = piece.reading("verdict")

    assert (reading.first, reading.last) == ("2024-01-22", "2024-01-31")
    assert (reading.fold, reading.data) == (0, market.fingerprint)
