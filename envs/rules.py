"""The V6 rules as plain functions of scalars: sizing, slippage, fills, refusals and reward.

The kernel compiles exactly these functions; the paper broker and the trader call them as they are,
so a fill costs the same in training, in a backtest and live. Nothing here imports a compiler, and
everything here must compile in numba's nopython mode: numbers and named tuples of numbers only.
"""

from typing import NamedTuple

from envs.slippage.draws import DrawKey
from envs.slippage.model import Quote
from envs.slippage.registry import MODELS, coded_share

HOLD, BUY, SELL = 0, 1, 2
NUM_ACTIONS = 3

# Why an order was not filled; 0 is a fill.
FILLED = 0
DAY_LIMIT = 1  # trades_today has reached max_trades_per_day
TOO_SOON = 2  # traded less than min_holding_period bars ago
NO_PRICE = 3  # price not positive, or no bar to trade on
TOO_SMALL = 4  # a buy worth less than 1.1 shares
NO_POSITION = 5  # nothing to sell
NO_CASH = 6  # fees and commission would take more than the cash
HANDED_OVER = 7  # the slot has another name than the one that was decided on

NEVER_TRADED = -999  # last_trade of an asset before its first trade, bars
MIN_SHARES = 1e-6  # below this a position counts as none, shares
MIN_LOT = 1.1  # smallest buy, shares' worth at the price before costs
RUIN = 0.5  # an episode terminates below this share of its initial balance


class RuleParams(NamedTuple):
    """The numbers of `V6Params` in the units that the rules use."""

    initial_balance: float  # USD
    commission: float  # USD an order
    sec_fee: float  # share of the notional
    finra_taf: float  # share of the notional
    buy_pct: float  # share of cash
    max_position_pct: float  # share of equity
    spread: float  # share of price
    impact_factor: float  # share of price
    slippage_model: int  # one of `envs.slippage.registry.CODES`
    max_trades_per_day: int
    min_holding_period: int  # bars
    average_cost: bool
    trade_terms_in_reward: bool
    use_drawdown_penalty: bool
    reward_scaling: float
    reward_trade_success: float
    penalty_overtrading: float
    drawdown_penalty_factor: float


class Fill(NamedTuple):
    """Outcome of an order; everything is 0 unless `code` is FILLED."""

    code: int
    shares: float  # change of the position, shares
    price: float  # execution price, USD
    cash: float  # change of the cash, USD
    pnl: float  # return of the closed position; 0 for a buy


def refused(code: int) -> Fill:
    """The outcome of an order that was refused for `code`."""
    return Fill(code, 0.0, 0.0, 0.0, 0.0)


class Standing(NamedTuple):
    """The account after a step, as the reward sees it."""

    equity: float  # USD
    peak: float  # USD
    total_trades: int
    wins: int


def order_slippage(notional: float, quote: Quote, key: DrawKey, p: RuleParams) -> float:
    """Slippage of an order by the model of `p`, share of price, always against the order."""
    return coded_share(p.slippage_model, notional, quote, key, p.impact_factor)


def highest_slippage(notional: float, quote: Quote, key: DrawKey, p: RuleParams) -> float:
    """The most that an order of `notional` USD or less pays by the model of `p`, share of price.

    The kernel has no use for it and does not compile it.
    """
    return MODELS[p.slippage_model].at_most(notional, quote, key, p.impact_factor)


def order_refusal(
    trades_today: int, bars_since_trade: int, price: float, tradable: bool, p: RuleParams
) -> int:
    """First reason to refuse an order before its side matters, or FILLED for none."""
    if trades_today >= p.max_trades_per_day:
        return DAY_LIMIT
    if bars_since_trade < p.min_holding_period:
        return TOO_SOON
    if not tradable or price <= 0.0:
        return NO_PRICE
    return FILLED


def slot_refusal(before: int, after: int) -> int:
    """HANDED_OVER where a slot has another name at the fill bar, else FILLED: the order may go on.

    Such an order is void: it is no attempt, it has no reward term and no part in the day's trades.
    What is held of the old name is sold whole, before any order is served, by `fill_sell` at the
    slot's exit price. That sale counts as a trade, won or lost, but not as one of the day's: it was
    nobody's choice. The slot then has no entry price and was never traded.

    Args:
        before: Who sits in the slot at the decision bar, as `Market.occupant` numbers them.
        after: Who sits in it at the fill bar.
    """
    return FILLED if before == after else HANDED_OVER


def buy_notional(cash: float, equity: float, p: RuleParams) -> float:
    """What a BUY invests, USD; `equity` is the value at the end of the previous step."""
    return min(cash * p.buy_pct, equity * p.max_position_pct)


def fill_buy(invest: float, cash: float, quote: Quote, key: DrawKey, p: RuleParams) -> Fill:
    """Buy `invest` USD worth of fractional shares, fees and commission on top."""
    if invest < MIN_LOT * quote.price:
        return refused(TOO_SMALL)
    price = quote.price * (1.0 + order_slippage(invest, quote, key, p)) * (1.0 + p.spread)
    shares = invest / price
    gross = shares * price
    cost = gross + gross * p.sec_fee + gross * p.finra_taf + p.commission
    if cost > cash:
        return refused(NO_CASH)
    return Fill(FILLED, shares, price, -cost, 0.0)


def fill_sell(shares: float, entry_price: float, quote: Quote, key: DrawKey, p: RuleParams) -> Fill:
    """Sell the whole position; fees and commission come out of the proceeds."""
    if shares < MIN_SHARES:
        return refused(NO_POSITION)
    slippage = order_slippage(shares * quote.price, quote, key, p)
    price = quote.price * (1.0 - slippage) * (1.0 - p.spread)
    gross = shares * price
    net = gross - gross * p.sec_fee - gross * p.finra_taf - p.commission
    paid = shares * entry_price
    return Fill(FILLED, -shares, price, net, (net - paid) / paid)


def entry_after(shares: float, entry_price: float, fill: Fill, p: RuleParams) -> float:
    """Entry price after a fill on a position of `shares` at `entry_price`; 0 once it is closed.

    After a buy: average cost, or in the original the last execution price.
    """
    if fill.shares <= 0.0:
        return 0.0
    if not p.average_cost:
        return fill.price
    return (shares * entry_price + fill.shares * fill.price) / (shares + fill.shares)


def order_term(fill: Fill, p: RuleParams) -> float:
    """The per-asset reward term of an order, filled or refused."""
    if fill.code == FILLED:
        if fill.shares > 0.0:
            return 0.1
        return p.reward_trade_success if fill.pnl > 0.01 else 0.0
    if fill.code == DAY_LIMIT:
        return -0.02
    if fill.code == NO_PRICE:
        return -0.05
    return 0.0 if fill.code in (NO_CASH, HANDED_OVER) else -0.01


def step_reward(
    previous_equity: float, after: Standing, attempts: int, trade_terms: float, p: RuleParams
) -> float:
    """Reward of every step but an episode's first, which is 0.

    Args:
        previous_equity: Equity at the end of the step before, USD.
        after: The account at the end of this step.
        attempts: Assets whose action was not HOLD, filled or not.
        trade_terms: Sum of the per-asset terms; counted only with `trade_terms_in_reward`.
        p: The rules' numbers.
    """
    gain = (after.equity - previous_equity) / previous_equity
    drawdown = (after.peak - after.equity) / after.peak
    reward = 100.0 * gain
    if p.use_drawdown_penalty and drawdown > 0.15:
        reward -= drawdown * p.drawdown_penalty_factor
    if attempts > 2:
        reward -= p.penalty_overtrading * attempts
    if gain > 0.01:
        reward += 0.3
    if after.total_trades > 10 and after.wins / after.total_trades > 0.6:
        reward += 0.2
    if p.trade_terms_in_reward:
        reward += trade_terms
    return min(max(reward * p.reward_scaling, -10.0), 10.0)


def is_ruined(equity: float, cash: float, p: RuleParams) -> bool:
    """Whether an episode terminates: half the balance lost, or cash below zero."""
    return equity < RUIN * p.initial_balance or cash < 0.0
