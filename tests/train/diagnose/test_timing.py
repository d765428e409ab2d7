"""The timing diagnosis on trades whose quality is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from envs import Market, V6Params, Window
from train.backtest.evaluation import Evaluation, evaluate
from train.diagnose.forward_returns import AHEAD, BAND, SCALED_BAND, followed
from train.diagnose.timing import NoTradesError, Timing, timing, timing_if_traded
from train.diagnose.trades import RANDOM, Trades, new_york_hour, random_bars, trades_of
from train.report.charts import timing_chart
from train.stats.bootstrap_days import DayBlocks

PARAMS = V6Params.default(max_trades_per_day=1000, min_holding_period=0)
WINDOW = Window(150, 420)


def walk(market: Market, actions: np.ndarray, params: V6Params = PARAMS) -> Evaluation:
    rows = iter(actions)
    return evaluate(lambda _: next(rows)[None], market, params, WINDOW)


def slotted(market: Market, bar: int) -> Market:
    """The same prices, where the first asset is a slot that gets another name at `bar`."""
    occupant = np.tile([0, 1], (market.num_bars, 1))
    occupant[bar:, 0] = 2
    exits = np.zeros(market.close.shape)
    exits[bar, 0] = market.close[bar - 1, 0]
    names = ("AAA", "BBB", "CCC")
    return replace(market, occupant=occupant, exit_price=exits, names=names)


def hindsight(market: Market, sign: float) -> np.ndarray:
    """Buys what will be good (or, with -1, bad), sells the other way round."""
    moves = sign * followed(market, 1).moves[151:420]
    return np.where(moves > BAND, 1, np.where(moves < -BAND, 2, 0))


@pytest.fixture(scope="module")
def wide() -> Market:
    """60 sessions of 7 bars in New York hours, two assets, 1 % a bar; entry_score is a feature."""
    random = np.random.default_rng(2)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (420, 2)), axis=0))
    day, hour = np.divmod(np.arange(420), 7)
    return Market.from_arrays(
        close=close,
        open=np.vstack([close[:1], close[:-1]]),
        session=day,
        ts=np.datetime64("2024-01-02T14:30") + (day * 1440 + hour * 60).astype("timedelta64[m]"),
        features=random.choice([-0.5, 0.0, 0.5], (420, 2, 1)).astype(np.float32),
        symbols=("AAA", "BBB"),
        feature_names=("entry_score",),
    )


@pytest.fixture(scope="module")
def knowing(wide: Market) -> Timing:
    return timing(walk(wide, hindsight(wide, 1.0)), wide, PARAMS)


class TestFollowed:
    def test_the_ten_closes_after_a_fill_at_the_open(self, wide: Market) -> None:
        found = followed(wide, 1)

        opens = wide.require("open", "this test")
        assert found.moves[50, 1] == pytest.approx(wide.close[50:60, 1].mean() / opens[50, 1] - 1)
        assert np.isnan(found.moves[411:]).all()
        assert not np.isnan(found.moves[410]).any()

    def test_the_ten_closes_after_a_fill_at_the_close(self, wide: Market) -> None:
        found = followed(wide, 0)

        close = wide.close[:, 0]
        assert found.moves[50, 0] == pytest.approx(close[51:61].mean() / close[50] - 1.0)
        assert np.isnan(found.moves[410:]).all()

    def test_without_drift_the_scaled_move_is_standard_normal(self) -> None:
        random = np.random.default_rng(6)
        close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.003, (4000, 4)), axis=0))
        market = Market.from_arrays(close=close, open=np.vstack([close[:1], close[:-1]]))

        scaled = followed(market, 1).scaled[100:3900]

        assert scaled.std() == pytest.approx(1.0, abs=0.06)
        # Phi(-0.5) = 0.3085
        assert np.mean(scaled > SCALED_BAND) == pytest.approx(0.3085, abs=0.03)

    @settings(max_examples=15, deadline=None)
    @given(cut=st.integers(80, 300), seed=st.integers(0, 999))
    def test_the_scale_is_known_at_the_decision(self, cut: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        moves = random.normal(0.0, 0.01, (400, 1))
        other = np.vstack([moves[:cut], random.normal(0.0, 0.05, (400 - cut, 1))])

        def scale(steps: np.ndarray) -> float:
            close = 100.0 * np.exp(np.cumsum(steps, axis=0))
            market = Market.from_arrays(close=close, open=np.vstack([close[:1], close[:-1]]))
            found = followed(market, 1)
            return float(found.moves[cut, 0] / found.scaled[cut, 0])

        # the fill of bar `cut` was decided at the close before it
        assert scale(moves) == pytest.approx(scale(other), rel=1e-9)

    def test_nothing_is_measured_across_a_change_of_names(self, wide: Market) -> None:
        plain, found = followed(wide, 1), followed(slotted(wide, 200), 1)

        np.testing.assert_array_equal(np.isnan(found.moves[191:200, 0]), np.ones(9, bool))
        np.testing.assert_array_equal(found.moves[:191, 0], plain.moves[:191, 0])
        np.testing.assert_array_equal(found.moves[200:], plain.moves[200:])
        np.testing.assert_array_equal(found.moves[:, 1], plain.moves[:, 1])

    def test_a_short_market_has_no_measure(self) -> None:
        market = Market.from_arrays(close=np.full((8, 1), 5.0), open=np.full((8, 1), 5.0))

        assert np.isnan(followed(market, 1).moves).all()
        assert AHEAD > 8


class TestTrades:
    def test_fills_and_nothing_else(self, wide: Market) -> None:
        actions = np.zeros((269, 2), np.int64)
        actions[10, 0], actions[12, 1], actions[20] = 1, 1, 2

        found = trades_of(walk(wide, actions), wide)

        assert found.bar.tolist() == [161, 163, 171, 171]
        assert found.asset.tolist() == [0, 1, 0, 1]
        assert found.side.tolist() == [1, 1, -1, -1]

    def test_ruin_is_no_sale(self) -> None:
        close = np.full((30, 1), 100.0)
        close[10:] = 20.0
        market = Market.from_arrays(close=close, open=close)
        params = V6Params.default(buy_pct=0.9, max_position_pct=0.9)
        walked = evaluate(lambda _: np.ones((1, 1), np.int64), market, params, Window(0, 30))

        assert walked.ruined
        assert (trades_of(walked, market).side == 1).all()

    def test_a_walk_without_holdings_is_refused(self, wide: Market) -> None:
        walked = replace(walk(wide, np.zeros((269, 2), np.int64)), shares=None)

        with pytest.raises(DataError, match="not noted its holdings"):
            trades_of(walked, wide)

    def test_who_leaves_a_slot_was_not_sold_by_decision(self, wide: Market) -> None:
        # given: AAA's slot gets another name at bar 200, while it is held
        slots = slotted(wide, 200)
        actions = np.zeros((269, 2), np.int64)
        actions[10], actions[90] = 1, 1
        walked = walk(slots, actions)

        found = trades_of(walked, slots)

        assert walked.shares is not None
        assert walked.shares[48, 0] > 0.0 == walked.shares[49, 0]
        assert found.bar.tolist() == [161, 161, 241, 241]
        assert (found.side == 1).all()

    def test_hours_are_new_yorks_in_winter_and_summer(self) -> None:
        bars = ["2024-01-02T14:30", "2024-01-02T15:30", "2024-07-02T13:30", "2024-07-02T19:30"]
        market = Market.from_arrays(close=np.ones((4, 1)), ts=np.array(bars, "datetime64[us]"))

        assert new_york_hour(market).tolist() == [9, 10, 9, 15]
        with pytest.raises(DataError, match="no hours"):
            new_york_hour(Market.from_arrays(close=np.ones((2, 1))))

    def test_random_trades_keep_the_hour(self, wide: Market) -> None:
        bars = np.array([151, 160, 200, 201])
        trades = Trades(bars, np.array([0, 1, 0, 1]), np.array([1, -1, 1, -1]))
        hours, window = new_york_hour(wide), np.arange(151, 420)

        drawn = random_bars(trades, window, hours, seed=1)

        assert drawn.shape == (RANDOM, 4)
        assert (hours[drawn] == hours[bars]).all()
        assert len(np.unique(drawn[:, 0])) > 30
        assert np.isin(drawn, window).all()


class TestDayBlocks:
    def test_single_days_give_the_binomial_interval(self) -> None:
        hits = np.arange(400) < 160

        interval = DayBlocks(400, 1).share(hits, np.arange(400))

        assert interval is not None
        deviation = (0.4 * 0.6 / 400) ** 0.5
        assert interval.low == pytest.approx(0.4 - 1.96 * deviation, abs=0.01)
        assert interval.high == pytest.approx(0.4 + 1.96 * deviation, abs=0.01)

    def test_events_that_come_together_count_once(self) -> None:
        # given: ten events a day, all alike within a day
        day = np.repeat(np.arange(40), 10)
        hits = np.repeat(np.arange(40) % 2 == 0, 10)

        apart = DayBlocks(400, 1).share(hits, np.arange(400))
        together = DayBlocks(40, 1).share(hits, day)

        assert apart is not None
        assert together is not None
        ratio = (together.high - together.low) / (apart.high - apart.low)
        assert ratio == pytest.approx(10**0.5, rel=0.15)

    def test_blocks_keep_neighbours_together(self) -> None:
        hits = (np.arange(200) // 10) % 2 == 0

        single, blocks = (DayBlocks(200, size).share(hits, np.arange(200)) for size in (1, 10))

        assert single is not None
        assert blocks is not None
        assert blocks.high - blocks.low > 1.5 * (single.high - single.low)

    def test_no_events_have_no_interval_and_a_block_is_no_longer_than_all(self) -> None:
        none = np.zeros(0, np.int64)

        assert DayBlocks(5, 1).share(none > 0, none) is None
        whole = DayBlocks(3, 99).share(np.array([True, False, False]), np.arange(3))
        assert whole is not None
        assert whole.low == whole.high == pytest.approx(1 / 3)


class TestTiming:
    def test_hindsight_is_always_good_and_unlike_random(self, knowing: Timing) -> None:
        for side in ("buy", "sell"):
            row = knowing.row(side)
            assert row is not None
            assert (row.good, row.bad, row.low, row.high) == (1.0, 0.0, 1.0, 1.0)
            assert row.random is not None
            assert row.random_high is not None
            assert 0.2 < row.random < row.random_high < 0.7

    def test_the_opposite_is_always_bad(self, wide: Market) -> None:
        row = timing(walk(wide, hindsight(wide, -1.0)), wide, PARAMS).row("buy")

        assert row is not None
        assert (row.good, row.bad) == (0.0, 1.0)

    def test_random_trading_is_like_random_trades(self, wide: Market) -> None:
        random = np.random.default_rng(3)
        outside = 0
        for _ in range(10):
            actions = random.integers(1, 3, (269, 2)) * (random.random((269, 2)) < 0.2)
            row = timing(walk(wide, actions), wide, PARAMS).row("buy", "scaled")
            assert row is not None
            assert row.random_low is not None
            assert row.random_high is not None
            outside += not row.random_low <= row.good <= row.random_high

        assert outside <= 2

    def test_groups_split_the_trades(self, knowing: Timing) -> None:
        def total(by: str, *names: str) -> int:
            rows = [r for r in knowing.rows if (r.by, r.measure, r.side) == (by, "band", "buy")]
            return sum(row.trades for row in rows if not names or row.name in names)

        whole = total("all")
        assert whole > 20
        assert total("asset") == total("hour") == whole
        assert total("regime", "rising", "falling") == total("regime", "calm", "wild") == whole
        hours = {row.name for row in knowing.rows if row.by == "hour"}
        assert hours <= {f"{hour:02}:00" for hour in range(9, 16)}

    def test_the_last_trades_are_left_out(self, wide: Market) -> None:
        actions = np.zeros((269, 2), np.int64)
        actions[[10, 262], 0], actions[[30, 265], 0] = 1, 2

        found = timing(walk(wide, actions), wide, PARAMS)

        assert (found.trades, found.unresolved) == (4, 2)

    def test_missed_moves_are_counted_by_what_was_held(self, wide: Market) -> None:
        # given: BBB is held all the time, AAA never
        actions = np.zeros((269, 2), np.int64)
        actions[0, 1] = 1
        walked = walk(wide, actions)

        rise, fall = timing(walked, wide, PARAMS).missed

        scaled = followed(wide, 1).scaled[walked.bars]
        strong = scaled > 1.0
        assert rise.bars == strong.sum()
        assert rise.wrong == pytest.approx(strong[:, 0].sum() / strong.sum())
        falls = scaled < -1.0
        assert fall.wrong == pytest.approx(falls[:, 1].sum() / falls.sum())
        assert rise.usual == pytest.approx(0.5)
        assert rise.low <= rise.wrong <= rise.high

    def test_who_follows_the_entry_score_agrees_with_it(self, wide: Market) -> None:
        score = wide.features[150:419, :, 0]
        walked = walk(wide, np.where(score > 0, 1, np.where(score < 0, 2, 0)))

        rows = {(row.side, row.score): row for row in timing(walked, wide, PARAMS).score}

        assert rows["buy", "agrees"].share == rows["sell", "agrees"].share == 1.0
        assert rows["buy", "disagrees"].trades == rows["sell", "is zero"].trades == 0
        assert rows["buy", "disagrees"].good is None
        assert 0.0 < (rows["buy", "agrees"].good or 0.0) < 1.0

    def test_without_the_feature_there_is_no_score(self, market: Market) -> None:
        actions = np.random.default_rng(1).integers(0, 3, (269, 3))

        assert timing(walk(market, actions), market, PARAMS).score == ()

    def test_no_trades_are_told(self, wide: Market) -> None:
        idle = walk(wide, np.zeros((269, 2), np.int64))

        with pytest.raises(NoTradesError, match="no timing without trades"):
            timing(idle, wide, PARAMS)
        assert timing_if_traded(idle, wide, PARAMS) is None

    def test_a_report_does_not_take_a_fault_for_a_lack_of_trades(self, wide: Market) -> None:
        walked = replace(walk(wide, np.ones((269, 2), np.int64)), shares=None)

        with pytest.raises(DataError, match="not noted its holdings"):
            timing_if_traded(walked, wide, PARAMS)

    def test_daily_bars_have_no_hours(self) -> None:
        random = np.random.default_rng(4)
        close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (420, 2)), axis=0))
        days = np.datetime64("2020-01-02", "us") + np.arange(420) * np.timedelta64(1, "D")
        daily = Market.from_arrays(close=close, open=close, ts=days)

        found = timing(walk(daily, random.integers(0, 3, (269, 2))), daily, PARAMS)

        assert {row.by for row in found.rows} == {"all", "asset", "regime"}

    def test_the_same_seed_gives_the_same_diagnosis(self, wide: Market, knowing: Timing) -> None:
        walked = walk(wide, hindsight(wide, 1.0))

        assert timing(walked, wide, PARAMS) == knowing
        assert timing(walked, wide, PARAMS, seed=1) != knowing

    @pytest.mark.parametrize("measure", ["band", "scaled"])
    def test_it_is_drawn(self, knowing: Timing, measure: str) -> None:
        figure = timing_chart(knowing, measure)

        buys = next(t for t in figure.data if t.type == "scatter")
        rows = [r for r in knowing.rows if (r.side, r.measure) == ("buy", measure)]
        assert list(buys.x) == [row.good for row in rows]
        assert buys.y[0] == "all trades"
        assert len(figure.data) == 4
        assert figure.layout.height > 200
