"""A symbol that begins late changes nothing of what is told of the bars before it begins."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Market, V6Params, Window
from train.backtest.evaluation import evaluate
from train.diagnose.forward_returns import followed
from train.diagnose.timing import Timing, timing
from train.market.curriculum import start_weights
from train.market.regimes import REGIMES, regimes

BARS, FIRST = 420, 150
PARAMS = V6Params.default(max_trades_per_day=1000, min_holding_period=0)
CLOCK = np.arange(BARS) // 7


@dataclass(frozen=True)
class Late:
    """A third symbol, in some column, whose features take some bars to warm up."""

    begins: int
    warmup: int
    column: int

    @property
    def trades(self) -> int:
        return self.begins + self.warmup

    def into(self, columns: np.ndarray, own: np.ndarray | float, since: int) -> np.ndarray:
        """The columns (T, 2) with its own (T,), which is 0 before bar `since`."""
        column = np.where(np.arange(BARS) >= since, own, 0)
        return np.insert(columns, self.column, column.astype(columns.dtype), axis=1)


LATE = st.builds(Late, st.integers(1, 380), st.integers(0, 30), st.integers(0, 2))


def prices(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return 100.0 * np.exp(np.cumsum(random.standard_t(3, (BARS, 3)) * 0.01, axis=0))


def market_of(close: np.ndarray, tradable: np.ndarray) -> Market:
    days = np.datetime64("2024-01-02T14:30") + (CLOCK * 1440).astype("timedelta64[m]")
    hours = (np.arange(BARS) % 7 * 60).astype("timedelta64[m]")
    opens = np.where(close > 0.0, np.vstack([close[:1], close[:-1]]), 0.0)
    opens = np.where((opens == 0.0) & (close > 0.0), close, opens)
    return Market.from_arrays(
        close=close, open=opens, tradable=tradable, session=CLOCK, ts=days + hours
    )


def markets(seed: int, late: Late) -> tuple[Market, Market]:
    """The market without the symbol, and the one with it."""
    close, trades = prices(seed), np.ones((BARS, 2), np.bool_)
    return market_of(close[:, :2], trades), market_of(
        late.into(close[:, :2], close[:, 2], late.begins), late.into(trades, 1, late.trades)
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), late=LATE)
def test_regimes_and_curriculum_are_those_of_the_market_without_it(seed: int, late: Late) -> None:
    without, with_it = markets(seed, late)
    # the bar of its first price is the first one that it trades at, and has no return of its own
    same = late.trades + (late.warmup == 0)

    for name in REGIMES:
        np.testing.assert_array_equal(
            regimes(with_it)[name][:same], regimes(without)[name][:same], err_msg=name
        )
    for starts in ("easy", "medium"):
        weights = start_weights(with_it, starts)  # type: ignore[arg-type]
        plain = start_weights(without, starts)  # type: ignore[arg-type]
        assert weights is not None
        assert plain is not None
        assert np.isfinite(weights).all()
        np.testing.assert_array_equal(weights[:same], plain[:same], err_msg=starts)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), late=LATE, fill_lag=st.integers(0, 1))
def test_what_follows_a_fill_is_measured_where_it_can_be(
    seed: int, late: Late, fill_lag: int
) -> None:
    without, with_it = (followed(market, fill_lag) for market in markets(seed, late))

    own = np.arange(3) == late.column
    np.testing.assert_array_equal(with_it.moves[:, ~own], without.moves)
    np.testing.assert_array_equal(with_it.scaled[:, ~own], without.scaled)
    assert np.isnan(with_it.moves[: late.trades, own]).all()
    assert np.isfinite(with_it.moves[late.trades : BARS - 10, own]).all()
    # a volatility takes twenty returns, and it is that of the decision
    measured = max(late.trades, late.begins + 20 + fill_lag)
    assert np.isnan(with_it.scaled[:measured, own]).all()
    assert np.isfinite(with_it.scaled[measured : BARS - 10, own]).all()


def diagnosed(market: Market, actions: np.ndarray, window: Window) -> Timing:
    rows = iter(actions)
    walked = evaluate(lambda _: next(rows)[None], market, PARAMS, window)
    return timing(walked, market, PARAMS)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9999), late=LATE.filter(lambda late: late.trades > FIRST + 60))
def test_timing_before_it_begins_is_that_of_the_market_without_it(seed: int, late: Late) -> None:
    without, with_it = markets(seed, late)
    window = Window(FIRST, late.trades)
    actions = np.random.default_rng(seed).integers(0, 3, (len(window) - 1, 2))

    plain = diagnosed(without, actions, window)
    found = diagnosed(with_it, np.insert(actions, late.column, 1, axis=1), window)

    told = {
        f"asset{column}": "AB"[at] for at, column in enumerate(np.delete(range(3), late.column))
    }
    rename = {"asset0": "A", "asset1": "B"}

    def rows(of: Timing, names: dict[str, str]) -> list[object]:
        return [(names.get(row.name, row.name), *list(vars(row).values())[2:]) for row in of.rows]

    assert rows(found, told) == rows(plain, rename)
    assert (found.trades, found.unresolved) == (plain.trades, plain.unresolved)
    assert found.missed == plain.missed


def test_a_symbol_that_has_ended_is_followed_by_no_close() -> None:
    # given: the second symbol trades no more after bar 299; its price is carried
    close = prices(5)[:, :2]
    close[300:, 1] = close[299, 1]
    tradable = np.ones((BARS, 2), np.bool_)
    tradable[300:, 1] = False
    tradable[200:205, 0] = False  # and the first pauses: its price is carried, and goes on

    found = followed(market_of(close, tradable), 1)

    assert np.isfinite(found.moves[290, 1])  # bars 290 to 299
    assert np.isnan(found.moves[291:, 1]).all()
    assert np.isnan(found.moves[200:205, 0]).all()
    assert np.isfinite(found.moves[190:200, 0]).all()
