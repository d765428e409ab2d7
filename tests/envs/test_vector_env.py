from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError, UsageError
from envs import Market, TradingVectorEnv, V6Params, Window

HOLD_ALL = np.zeros((4, 3), np.int64)


def make(market: Market, num_envs: int = 4, **changes: Any) -> TradingVectorEnv:
    arguments = {name: changes.pop(name) for name in ("observation", "window") if name in changes}
    return TradingVectorEnv(market, V6Params.default(**changes), num_envs=num_envs, **arguments)


def rollout(env: TradingVectorEnv, seed: int, steps: int = 60) -> list[Any]:
    random = np.random.default_rng(0)
    rows = [env.reset(seed=seed)[0]]
    for _ in range(steps):
        actions = random.integers(0, 3, env.action_space.shape)
        observation, reward, terminated, truncated, infos = env.step(actions)
        rows.append((observation, reward, terminated, truncated, infos["equity"]))
    return rows


def test_spaces_and_metadata(make_market: Any) -> None:
    market = make_market(bars=40, assets=3, features=2)
    env = make(market)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.single_observation_space.shape == (7,)
    assert env.observation_space.shape == (4, 7)
    assert env.action_space.shape == (4, 3)
    assert make(market, observation="full").observation_space.shape == (4, 3 * 2 + 3 + 3)
    for each in (env, make(market, observation="full")):
        observation, infos = each.reset(seed=1)
        assert each.observation_space.contains(observation)
        assert {name: len(values) for name, values in infos.items()} == dict.fromkeys(
            ("equity", "cash", "peak", "total_trades", "wins", "losses"), 4
        )


def test_the_step_after_an_end_only_resets(make_market: Any) -> None:
    # given episodes of three steps
    env = make(make_market(bars=50), max_steps=3)
    env.reset(seed=0, options={"start": 10})
    flags = []
    for _ in range(9):
        observation, reward, terminated, truncated, infos = env.step(np.ones((4, 3), np.int8))
        assert not terminated.any()
        flags.append(truncated.tolist())
        if len(flags) == 4:  # the reset row: a new account at a new start, actions ignored
            assert reward.tolist() == [0.0] * 4
            assert infos["equity"].tolist() == [1e5] * 4
            assert infos["total_trades"].tolist() == [0] * 4
            np.testing.assert_array_equal(observation[:, 1:], [[0, 0, 0, 1, 0, 0]] * 4)
        if len(flags) == 3:  # the end row still shows the old episode's last observation
            assert observation[:, 0].tolist() == [13.0] * 4
    # then each episode is three steps and one reset row, unless it starts near the end
    assert flags[:3] == [[False] * 4, [False] * 4, [True] * 4]
    assert flags[3] == [False] * 4


def test_ruin_terminates_and_does_not_truncate() -> None:
    close = np.full((30, 1), 100.0)
    close[12:] = 1.0
    market = Market.from_arrays(close=close, open=close)
    env = make(market, num_envs=1, buy_pct=0.9, max_position_pct=0.9, slippage_model="none")
    env.reset(seed=0, options={"start": 8})
    env.step(np.array([[1]]))
    ends = [env.step(np.array([[0]]))[2:4] for _ in range(3)]
    assert [bool(terminated[0]) for terminated, _ in ends] == [False, False, True]
    assert not any(truncated[0] for _, truncated in ends)


@given(low=st.integers(0, 40), length=st.integers(1, 18), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_episodes_never_leave_their_window(
    make_market: Any, low: int, length: int, seed: int
) -> None:
    env = make(make_market(bars=60), window=Window(low, low + length + 1), max_steps=7)
    bars = [env.reset(seed=seed)[0][:, 0]]
    for _ in range(40):
        observation, _, _, truncated, _ = env.step(HOLD_ALL)
        bars.append(observation[:, 0])
        assert truncated[observation[:, 0] == low + length].all()
    assert np.min(bars) >= low
    assert np.max(bars) == low + length


def test_starts_are_spread_over_the_whole_window(make_market: Any) -> None:
    env = make(make_market(bars=60), num_envs=2000, window=Window(10, 31))
    starts, counts = np.unique(env.reset(seed=3)[0][:, 0], return_counts=True)
    assert starts.tolist() == list(range(10, 30))
    assert counts.min() > 60


def test_the_reference_preset_starts_at_the_first_bar(make_market: Any) -> None:
    env = TradingVectorEnv(make_market(), V6Params.reference(), num_envs=3, window=Window(5, 21))
    assert env.reset(seed=3)[0][:, 0].tolist() == [5.0] * 3


def test_a_seed_fixes_everything(make_market: Any) -> None:
    market = make_market(bars=50)
    first, again = rollout(make(market, max_steps=9), 5), rollout(make(market, max_steps=9), 5)
    other = rollout(make(market, max_steps=9), 6)
    for a, b in zip(first, again, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
    assert any((a[4] != b[4]).any() for a, b in zip(first[1:], other[1:], strict=True))


def test_the_slippage_seed_is_the_reset_seed(make_market: Any) -> None:
    env = make(make_market())
    env.reset(seed=77)
    assert env.rules_seed == 77
    env.reset()
    assert env.rules_seed != 77


def test_full_is_compact_expanded(make_market: Any) -> None:
    from expansion import expand

    market = make_market(bars=50)
    compact = rollout(make(market, max_steps=11), 5)
    full = rollout(make(market, max_steps=11, observation="full"), 5)
    for a, b in zip(compact[1:], full[1:], strict=True):
        np.testing.assert_array_equal(expand(market.table, a[0]), b[0])


def test_every_step_returns_fresh_arrays(make_market: Any) -> None:
    env = make(make_market())
    env.reset(seed=1)
    first = env.step(HOLD_ALL)
    kept = [np.copy(part) for part in (*first[:4], *first[4].values())]
    env.step(HOLD_ALL + 1)
    for before, now in zip(kept, (*first[:4], *first[4].values()), strict=True):
        np.testing.assert_array_equal(before, now)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8])
def test_integer_actions_of_any_width_do_the_same(make_market: Any, dtype: Any) -> None:
    env = make(make_market())
    env.reset(seed=1, options={"start": 4})
    _, _, _, _, infos = env.step((HOLD_ALL + 1).astype(dtype))
    env.reset(seed=1, options={"start": 4})
    _, _, _, _, wide = env.step(HOLD_ALL + 1)
    assert infos["total_trades"].tolist() == wide["total_trades"].tolist()
    np.testing.assert_array_equal(infos["equity"], wide["equity"])


def test_bad_actions_are_refused_before_anything_moves(make_market: Any) -> None:
    env = make(make_market())
    before, _ = env.reset(seed=1)
    bad = HOLD_ALL.copy()
    bad[2, 1] = 3
    with pytest.raises(UsageError, match="action 3 for asset1 in environment 2"):
        env.step(bad)
    with pytest.raises(UsageError, match="action -1"):
        env.step(HOLD_ALL - 1)
    with pytest.raises(UsageError, match="action 259"):
        env.step(np.where(bad == 3, 259, 0))
    with pytest.raises(UsageError, match=r"integers of shape \(4, 3\)"):
        env.step(HOLD_ALL[:, :2])
    with pytest.raises(UsageError, match="float64"):
        env.step(HOLD_ALL.astype(float))
    np.testing.assert_array_equal(env.batch.observe(), before)


def test_wrong_calls_end_in_one_clear_message(make_market: Any) -> None:
    market = make_market(bars=30)
    with pytest.raises(UsageError, match="before reset"):
        make(market).step(HOLD_ALL)
    with pytest.raises(UsageError, match=r"not \(5, 20\)"):
        make(market, window=(5, 20))
    with pytest.raises(UsageError, match=r"window \[5, 31\)"):
        make(market, window=Window(5, 31))
    with pytest.raises(UsageError, match="num_envs is 0"):
        make(market, num_envs=0)
    with pytest.raises(UsageError, match="tiny"):
        make(market, observation="tiny")
    env = make(market, window=Window(5, 21))
    for start in (4, 20):
        with pytest.raises(UsageError, match=f"start {start}"):
            env.reset(options={"start": start})
    with pytest.raises(UsageError, match="unknown reset options"):
        env.reset(options={"begin": 3})
    with pytest.raises(UsageError, match="list of seeds"):
        env.reset(seed=[1, 2, 3, 4])


def test_a_preset_names_the_array_it_misses() -> None:
    market = Market.from_arrays(close=np.ones((9, 1)))
    with pytest.raises(DataError, match="no open: fill_lag 1"):
        TradingVectorEnv(market, V6Params.default())
    with pytest.raises(DataError, match="no volume: slippage_model: impact"):
        TradingVectorEnv(market, V6Params.reference(slippage_model="impact"))
    TradingVectorEnv(market, V6Params.reference()).reset(seed=0)


def test_gymnasium_wrappers_take_it(make_market: Any) -> None:
    env = RecordEpisodeStatistics(make(make_market(bars=50), max_steps=5))
    env.reset(seed=2)
    lengths: list[int] = []
    for _ in range(14):
        infos = env.step(HOLD_ALL)[4]
        if "episode" in infos:
            lengths += infos["episode"]["l"][infos["_episode"]].tolist()
    assert 5 in lengths
    listed = DictInfoToList(make(make_market()))
    listed.reset(seed=2)
    assert listed.step(HOLD_ALL)[4][3]["equity"] == 1e5
