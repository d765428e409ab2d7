"""The compiled V6 loop over B environments and A assets, in structure-of-arrays.

It compiles the functions of `envs.rules` themselves; this module only holds the loop, the books
and the observation rows. No fastmath: a compiled step equals an uncompiled one.
"""

import functools
import types
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

from envs import rules
from envs.arrays import Bool, Float32, Float64, Int64
from envs.rules import BUY, FILLED, HOLD, NEVER_TRADED, Standing
from envs.slippage.draws import DrawKey
from envs.slippage.model import Quote

F = TypeVar("F", bound=Callable[..., Any])


class Setup(NamedTuple):
    """What a step reads and never writes."""

    close: Float64  # (T, A), USD
    fill_prices: Float64  # (T, A), USD: close with fill_lag 0, open with fill_lag 1
    tradable: Bool  # (T, A)
    session: Int64  # (T,)
    reads_liquidity: bool  # whether the slippage model needs volume and volatility
    volume: Float64  # (T, A), shares; (1, 1) unless slippage needs it
    volatility: Float64  # (T, A), of one bar's return; (1, 1) unless slippage needs it
    occupant: Int64  # (T, A), who sits in each slot; (0, 0) where assets never change
    exit_price: Float64  # (T, A), USD, of the name that leaves a slot; (0, 0) as occupant
    table: Float32  # (T, A*F)
    rule: rules.RuleParams
    fill_lag: int  # bars from decision to fill, and to the mark
    seed: int  # of the slippage draws, from `fold_seed`


class State(NamedTuple):
    """What a step changes: the accounts of B environments."""

    bar: Int64  # (B,), bar that the next step decides at
    steps: Int64  # (B,), taken in this episode
    last_bar: Int64  # (B,), where the episode is truncated
    cash: Float64  # (B,), USD
    equity: Float64  # (B,), USD, the last one marked
    peak: Float64  # (B,), USD
    trades_today: Int64  # (B,)
    total_trades: Int64  # (B,)
    wins: Int64  # (B,)
    losses: Int64  # (B,)
    shares: Float64  # (B, A)
    entry_price: Float64  # (B, A), USD
    last_trade: Int64  # (B, A), bar


class Outputs(NamedTuple):
    """What a step returns; fresh arrays every time."""

    observation: Float32  # (B, D)
    reward: Float64  # (B,)
    terminated: Bool  # (B,)
    truncated: Bool  # (B,)
    attempts: Int64  # (B,), assets whose action was not HOLD, filled or not
    trade_terms: Float64  # (B,), sum of the per-asset terms
    turnover: Float64  # (B,), USD traded, at prices before costs
    costs: Float64  # (B,), USD lost to slippage, spread, fees and commission


@functools.cache
def compiled(function: F) -> F:
    """`function` with every function that it calls, compiled; the originals stay as they are."""
    assert isinstance(function, types.FunctionType)

    def twin(member: Any) -> Any:
        return compiled(member) if isinstance(member, types.FunctionType) else member

    called = function.__code__.co_names
    names = {
        name: twin(member) if name in called else member
        for name, member in function.__globals__.items()
    }
    cells = tuple(types.CellType(twin(cell.cell_contents)) for cell in function.__closure__ or ())
    copy = types.FunctionType(function.__code__, names, function.__name__, None, cells)
    return cast(F, njit(copy, error_model="numpy"))


_order_refusal = compiled(rules.order_refusal)
_slot_refusal = compiled(rules.slot_refusal)
_refused = compiled(rules.refused)
_buy_notional = compiled(rules.buy_notional)
_fill_buy = compiled(rules.fill_buy)
_fill_sell = compiled(rules.fill_sell)
_entry_after = compiled(rules.entry_after)
_order_term = compiled(rules.order_term)
_step_reward = compiled(rules.step_reward)
_is_ruined = compiled(rules.is_ruined)


@njit(error_model="numpy")
def _start_days(setup: Setup, state: State) -> None:
    """Forget the trades of the day where the bar is the first of a session."""
    for b in range(state.bar.size):
        bar = state.bar[b]
        if bar > 0 and setup.session[bar] != setup.session[bar - 1]:
            state.trades_today[b] = 0


@njit(error_model="numpy")
def _quote(setup: Setup, bar: int, a: int, price: float) -> Quote:
    """A price, and the liquidity of the decision bar where slippage depends on it.

    `_serve_orders` spells this out: the call would cost its loop a quarter of its speed.
    """
    if setup.reads_liquidity:
        dollars = setup.volume[bar, a] * setup.close[bar, a]
        return Quote(price, setup.volatility[bar, a], dollars)
    return Quote(price, 0.0, 0.0)


@njit(error_model="numpy")
def _sell_leavers(setup: Setup, state: State, actions: Int64, idle: Bool, out: Outputs) -> None:
    """Sell what is held of names that are out of their slot at the fill bar; void their actions."""
    occupant, shares, entry_price = setup.occupant, state.shares, state.entry_price
    for b in range(idle.size):
        if idle[b]:
            continue
        bar = state.bar[b]
        filled_at = bar + setup.fill_lag
        for a in range(occupant.shape[1]):
            if _slot_refusal(occupant[bar, a], occupant[filled_at, a]) == FILLED:
                continue
            actions[b, a] = HOLD
            price = setup.exit_price[filled_at, a]
            key = DrawKey(setup.seed, b, bar, a)
            quote = _quote(setup, bar, a, price)
            fill = _fill_sell(shares[b, a], entry_price[b, a], quote, key, setup.rule)
            shares[b, a] = entry_price[b, a] = 0.0
            state.last_trade[b, a] = NEVER_TRADED
            if fill.code != FILLED:
                continue
            state.cash[b] += fill.cash
            state.total_trades[b] += 1
            state.wins[b] += fill.pnl > 0.0
            state.losses[b] += fill.pnl <= 0.0
            out.turnover[b] -= fill.shares * price
            out.costs[b] -= fill.cash + fill.shares * price


@njit(error_model="numpy")
def _serve_orders(setup: Setup, state: State, actions: Int64, idle: Bool, out: Outputs) -> None:
    """Serve each environment's assets in order; each sees the cash the earlier ones left."""
    rule, lag, prices, tradable = setup.rule, setup.fill_lag, setup.fill_prices, setup.tradable
    shares, entry_price, last_trade = state.shares, state.entry_price, state.last_trade
    for b in range(actions.shape[0]):
        if idle[b]:
            continue
        bar, cash, trades = state.bar[b], state.cash[b], state.trades_today[b]
        terms = turnover = costs = 0.0
        for a in range(actions.shape[1]):
            action = actions[b, a]
            if action == HOLD:
                continue
            out.attempts[b] += 1
            price = prices[bar + lag, a]
            waited = bar - last_trade[b, a]
            code = _order_refusal(trades, waited, price, tradable[bar + lag, a], rule)
            held, entry = shares[b, a], entry_price[b, a]
            fill = _refused(code)
            if code == FILLED:
                quote = Quote(price, 0.0, 0.0)
                if setup.reads_liquidity:
                    dollars = setup.volume[bar, a] * setup.close[bar, a]
                    quote = Quote(price, setup.volatility[bar, a], dollars)
                key = DrawKey(setup.seed, b, bar, a)
                if action == BUY:
                    invest = _buy_notional(cash, state.equity[b], rule)
                    fill = _fill_buy(invest, cash, quote, key, rule)
                else:
                    fill = _fill_sell(held, entry, quote, key, rule)
            terms += _order_term(fill, rule)
            if fill.code != FILLED:
                continue
            cash += fill.cash
            trades += 1
            turnover += abs(fill.shares) * price
            costs -= fill.cash + fill.shares * price
            shares[b, a] = held + fill.shares
            entry_price[b, a] = _entry_after(held, entry, fill, rule)
            last_trade[b, a] = bar
            state.wins[b] += fill.pnl > 0.0
            state.losses[b] += fill.shares < 0.0 and fill.pnl <= 0.0
        state.total_trades[b] += trades - state.trades_today[b]
        state.cash[b], state.trades_today[b] = cash, trades
        out.trade_terms[b] = terms
        out.turnover[b] += turnover
        out.costs[b] += costs


@njit(error_model="numpy")
def _mark(setup: Setup, state: State, idle: Bool, out: Outputs) -> None:
    """Mark the accounts, reward them, and move on to the next bar."""
    close, shares, lag = setup.close, state.shares, setup.fill_lag
    for b in range(idle.size):
        if idle[b]:
            continue
        bar = state.bar[b]
        held = 0.0
        for a in range(shares.shape[1]):
            held += shares[b, a] * close[bar + lag, a]
        equity = state.cash[b] + held
        peak = max(state.peak[b], equity)
        if state.steps[b] > 0:
            after = Standing(equity, peak, state.total_trades[b], state.wins[b])
            terms = out.trade_terms[b]
            out.reward[b] = _step_reward(state.equity[b], after, out.attempts[b], terms, setup.rule)
        state.equity[b], state.peak[b] = equity, peak
        state.bar[b] = bar + 1
        state.steps[b] += 1
        out.terminated[b] = _is_ruined(equity, state.cash[b], setup.rule)
        out.truncated[b] = bar + 1 >= state.last_bar[b]


@njit(error_model="numpy")
def _clip(value: float, low: float, high: float) -> float:
    if value < low:
        return low
    return high if value > high else value


@njit(error_model="numpy")
def _observe(setup: Setup, state: State, rows: Int64, observation: Float32) -> None:
    """Write rows of `observation`; `envs.observation` defines the layout, a test compares them."""
    close, table, shares = setup.close, setup.table, state.shares
    assets = close.shape[1]
    initial = setup.rule.initial_balance
    head = observation.shape[1] - assets - 3
    for b in rows:
        bar, equity, peak = state.bar[b], state.equity[b], state.peak[b]
        if head == 1:
            observation[b, 0] = bar
        else:
            for i in range(table.shape[1]):
                observation[b, i] = table[bar, i]
        tail = observation[b, head:]
        for a in range(assets):
            tail[a] = _clip(shares[b, a] * close[bar, a] / equity, 0.0, 1.0)
        tail[assets] = _clip(state.cash[b] / equity, 0.0, 1.0)
        tail[assets + 1] = _clip((equity - initial) / initial, -1.0, 5.0)
        tail[assets + 2] = _clip((peak - equity) / peak, 0.0, 1.0)


@njit(error_model="numpy")
def _first_invalid(actions: Int64) -> int:
    """Flat index of the first action outside 0..2, or -1."""
    flat = actions.reshape(-1)
    wrong = 0
    for i in range(flat.size):  # no early exit, so that it vectorises
        wrong |= flat[i] < 0
        wrong |= flat[i] > 2
    if wrong:
        for i in range(flat.size):
            if flat[i] < 0 or flat[i] > 2:
                return i
    return -1


_PACKAGE = Path(__file__).parent


def _source_digest() -> int:
    """Of the name and content of every file of this package, sub-packages included."""
    sources = sorted(_PACKAGE.rglob("*.py"))
    content = [str(path.relative_to(_PACKAGE)).encode() + path.read_bytes() for path in sources]
    return zlib.crc32(b"".join(content))


def _cached(entry_point: F) -> F:
    """Compile an entry point, cached on disk under a name that no other source shares.

    numba looks for a change in the file of the entry point alone, and reads its index, with the
    classes named in it, before it does so. What it calls lies in other files, and those classes may
    have moved: so a cache that other sources made is never opened.
    """
    entry_point.__qualname__ = f"{entry_point.__name__}_{_source_digest():08x}"
    return cast(F, njit(entry_point, cache=True, nogil=True, error_model="numpy"))


@_cached
def step_batch(setup: Setup, state: State, actions: Int64, idle: Bool, out: Outputs) -> int:
    """Take one step of all that are not idle; the flat index of an invalid action, or -1."""
    invalid = _first_invalid(actions)
    if invalid >= 0:
        return invalid
    _start_days(setup, state)
    if setup.occupant.size:
        _sell_leavers(setup, state, actions, idle, out)
    _serve_orders(setup, state, actions, idle, out)
    _mark(setup, state, idle, out)
    _observe(setup, state, np.arange(idle.size), out.observation)
    return -1


@_cached
def observe_batch(setup: Setup, state: State, rows: Int64, observation: Float32) -> None:
    """Write the observations of `rows` into the same rows of `observation` (B, D)."""
    _observe(setup, state, rows, observation)
