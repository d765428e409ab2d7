"""The compiled V6 loop over B environments and A assets, in structure-of-arrays.

It compiles the functions of `envs.rules` themselves; this module only holds the loop, the books
and the observation rows. No fastmath: a compiled step equals an uncompiled one.
"""

import types
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from envs import rules
from envs.rules import BUY, BUY_TERM, FILLED, HOLD, SLIPPAGE_IMPACT, DrawKey, Quote, Standing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Setup(NamedTuple):
    """What a step reads and never writes."""

    close: Floats  # (T, A), USD
    fill_prices: Floats  # (T, A), USD: close with fill_lag 0, open with fill_lag 1
    tradable: Flags  # (T, A)
    session: Ints  # (T,)
    volume: Floats  # (T, A), shares; (1, 1) unless slippage needs it
    volatility: Floats  # (T, A), of one bar's return; (1, 1) unless slippage needs it
    table: NDArray[np.float32]  # (T, A*F)
    rule: rules.RuleParams
    fill_lag: int  # bars from decision to fill, and to the mark
    seed: int  # of the slippage draws, from `rules.fold_seed`


class State(NamedTuple):
    """What a step changes: the accounts of B environments."""

    bar: Ints  # (B,), bar that the next step decides at
    steps: Ints  # (B,), taken in this episode
    last_bar: Ints  # (B,), where the episode is truncated
    cash: Floats  # (B,), USD
    equity: Floats  # (B,), USD, the last one marked
    peak: Floats  # (B,), USD
    trades_today: Ints  # (B,)
    total_trades: Ints  # (B,)
    wins: Ints  # (B,)
    losses: Ints  # (B,)
    shares: Floats  # (B, A)
    entry_price: Floats  # (B, A), USD
    last_trade: Ints  # (B, A), bar


class Outputs(NamedTuple):
    """What a step returns; fresh arrays every time."""

    observation: NDArray[np.float32]  # (B, D)
    reward: Floats  # (B,)
    terminated: Flags  # (B,)
    truncated: Flags  # (B,)
    trade_terms: Floats  # (B,), sum of the per-asset terms
    turnover: Floats  # (B,), USD traded, at prices before costs
    costs: Floats  # (B,), USD lost to slippage, spread, fees and commission


def _compiled_rules() -> dict[str, Any]:
    """The namespace of `envs.rules` with every function compiled, callees included."""
    namespace = dict(vars(rules))
    for name, member in vars(rules).items():
        if isinstance(member, types.FunctionType):
            twin = types.FunctionType(member.__code__, namespace, name)
            namespace[name] = njit(twin, error_model="numpy")
    return namespace


_rules = _compiled_rules()
_order_refusal = _rules["order_refusal"]
_refusal_term = _rules["refusal_term"]
_buy_notional = _rules["buy_notional"]
_fill_buy = _rules["fill_buy"]
_fill_sell = _rules["fill_sell"]
_entry_after_buy = _rules["entry_after_buy"]
_sell_term = _rules["sell_term"]
_step_reward = _rules["step_reward"]
_is_ruined = _rules["is_ruined"]
_clip = njit(lambda value, low, high: min(max(value, low), high))


@njit(error_model="numpy")
def _quote(setup: Setup, bar: int, asset: int) -> Quote:
    """The fill price, with the liquidity of the decision bar."""
    price = setup.fill_prices[bar + setup.fill_lag, asset]
    if setup.rule.slippage_model != SLIPPAGE_IMPACT:
        return Quote(price, 0.0, 0.0)
    dollars = setup.volume[bar, asset] * setup.close[bar, asset]
    return Quote(price, setup.volatility[bar, asset], dollars)


@njit(error_model="numpy")
def _book(state: State, rule: rules.RuleParams, fill: rules.Fill, b: int, a: int) -> float:
    """Enter a fill into the position and the counters; returns its per-asset term."""
    state.last_trade[b, a] = state.bar[b]
    state.trades_today[b] += 1
    state.total_trades[b] += 1
    if fill.shares > 0.0:
        held = state.shares[b, a]
        state.entry_price[b, a] = _entry_after_buy(held, state.entry_price[b, a], fill, rule)
        state.shares[b, a] = held + fill.shares
        return BUY_TERM
    state.shares[b, a] = 0.0
    state.entry_price[b, a] = 0.0
    if fill.pnl > 0.0:
        state.wins[b] += 1
    else:
        state.losses[b] += 1
    term: float = _sell_term(fill.pnl, rule)
    return term


@njit(error_model="numpy")
def _serve_orders(setup: Setup, state: State, actions: Ints, out: Outputs, b: int) -> int:
    """Serve the assets in order, each seeing the cash the earlier ones left; returns attempts."""
    rule = setup.rule
    bar = state.bar[b]
    cash = state.cash[b]
    attempts = 0
    terms = turnover = costs = 0.0
    for a in range(actions.shape[1]):
        action = actions[b, a]
        if action == HOLD:
            continue
        attempts += 1
        fill_bar = bar + setup.fill_lag
        price = setup.fill_prices[fill_bar, a]
        waited = bar - state.last_trade[b, a]
        code = _order_refusal(
            state.trades_today[b], waited, price, setup.tradable[fill_bar, a], rule
        )
        if code != FILLED:
            terms += _refusal_term(code)
            continue
        quote = _quote(setup, bar, a)
        key = DrawKey(setup.seed, b, bar, a)
        if action == BUY:
            invest = _buy_notional(cash, state.equity[b], rule)
            fill = _fill_buy(invest, cash, quote, key, rule)
        else:
            fill = _fill_sell(state.shares[b, a], state.entry_price[b, a], quote, key, rule)
        if fill.code != FILLED:
            terms += _refusal_term(fill.code)
            continue
        cash += fill.cash
        turnover += abs(fill.shares) * price
        costs -= fill.cash + fill.shares * price
        terms += _book(state, rule, fill, b, a)
    state.cash[b] = cash
    out.trade_terms[b] = terms
    out.turnover[b] = turnover
    out.costs[b] = costs
    return attempts


@njit(error_model="numpy")
def _step_one(setup: Setup, state: State, actions: Ints, out: Outputs, b: int) -> None:
    """Trade, mark, reward and move on to the next bar."""
    bar = state.bar[b]
    if bar > 0 and setup.session[bar] != setup.session[bar - 1]:
        state.trades_today[b] = 0
    attempts = _serve_orders(setup, state, actions, out, b)
    equity = state.cash[b]
    for a in range(actions.shape[1]):
        equity += state.shares[b, a] * setup.close[bar + setup.fill_lag, a]
    previous = state.equity[b]
    state.equity[b] = equity
    state.peak[b] = max(state.peak[b], equity)
    out.reward[b] = 0.0
    if state.steps[b] > 0:
        after = Standing(equity, state.peak[b], state.total_trades[b], state.wins[b])
        terms = out.trade_terms[b]
        out.reward[b] = _step_reward(previous, after, attempts, terms, setup.rule)
    state.bar[b] = bar + 1
    state.steps[b] += 1
    out.terminated[b] = _is_ruined(equity, state.cash[b], setup.rule)
    out.truncated[b] = bar + 1 >= state.last_bar[b]


@njit(error_model="numpy")
def _observe(setup: Setup, state: State, observation: NDArray[np.float32], b: int) -> None:
    """Write row b: `envs.observation` gives the layout, and a test holds the two together."""
    assets = setup.close.shape[1]
    initial = setup.rule.initial_balance
    bar = state.bar[b]
    at = observation.shape[1] - assets - 3
    if at == 1:
        observation[b, 0] = bar
    else:
        observation[b, :at] = setup.table[bar]
    equity = state.equity[b]
    for a in range(assets):
        value = state.shares[b, a] * setup.close[bar, a]
        observation[b, at + a] = _clip(value / equity, 0.0, 1.0)
    at += assets
    observation[b, at] = _clip(state.cash[b] / equity, 0.0, 1.0)
    observation[b, at + 1] = _clip((equity - initial) / initial, -1.0, 5.0)
    observation[b, at + 2] = _clip((state.peak[b] - equity) / state.peak[b], 0.0, 1.0)


@njit(error_model="numpy")
def _first_invalid(actions: Ints) -> int:
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


def _with_cache(source_digest: int) -> tuple[Callable[..., int], Callable[..., None]]:
    """The two entry points, cached on disk.

    numba keys its cache by the file that holds the function, not by the rules it calls; closing
    over a digest of both files makes the key change with either.
    """

    @njit(cache=True, nogil=True, error_model="numpy")
    def step_batch(setup: Setup, state: State, actions: Ints, idle: Flags, out: Outputs) -> int:
        _ = source_digest
        invalid = _first_invalid(actions)
        if invalid >= 0:
            return invalid
        for b in range(actions.shape[0]):
            if not idle[b]:
                _step_one(setup, state, actions, out, b)
            _observe(setup, state, out.observation, b)
        return -1

    @njit(cache=True, nogil=True, error_model="numpy")
    def observe_batch(
        setup: Setup, state: State, rows: Ints, observation: NDArray[np.float32]
    ) -> None:
        _ = source_digest
        for i in range(rows.size):
            _observe(setup, state, observation, rows[i])

    return step_batch, observe_batch


_SOURCES = (Path(__file__), Path(rules.__file__))
step_batch, observe_batch = _with_cache(zlib.crc32(b"".join(p.read_bytes() for p in _SOURCES)))
