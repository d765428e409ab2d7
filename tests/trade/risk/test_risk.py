import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError
from trade.journal.audit import audit
from trade.journal.journal import read_journal
from trade.orders.account import Account, Position
from trade.orders.denial import Denial
from trade.orders.orders import Leg, Order, Side
from trade.orders.protection import Protection
from trade.risk.correlation import Correlation
from trade.risk.daily_loss import daily_loss, trips_breaker
from trade.risk.limits import RiskGate, RiskLimits
from trade.risk.risk import Book, Entry, EntryCost, PriceHistory
from trade.risk.sizing import entry_notional
from trade.session.replay import replay_table

NO_COST = EntryCost(worst_price=100.0, fee_rate=0.0, commission=0.0)


def book(cash: float, positions: dict[str, Position], pending: tuple[Order, ...] = ()) -> Book:
    account = Account(cash, cash, cash, cash, positions)
    return Book(account, dict.fromkeys([*positions, "NVDA"], 100.0), pending)


def buy(symbol: str, notional: float) -> Order:
    return Order(f"id-{symbol}", symbol, Side.BUY, Leg.ENTRY, notional=notional)


def test_a_denial_says_its_numbers() -> None:
    denial = Denial("MAX_POSITION", limit=0.05, asked=0.081, symbol="NVDA")
    assert str(denial) == "MAX_POSITION NVDA: asked 0.081, limit 0.05"


def test_an_empty_account_has_room_for_five_percent() -> None:
    room = RiskGate(RiskLimits(), Protection()).room("NVDA", book(100_000.0, {}), NO_COST)
    assert (room.code, room.notional) == ("MAX_POSITION", 5000.0)


def test_held_value_takes_room_at_the_worst_price() -> None:
    # given 30 units worth 3,000 at 100, that may have to be bought to at 101
    held = book(97_000.0, {"NVDA": Position(30.0, 100.0)})
    room = RiskGate(RiskLimits(), Protection()).room("NVDA", held, EntryCost(101.0, 0.0, 0.0))
    assert room.notional == pytest.approx(5000.0 - 3030.0)


def test_pending_buys_take_room() -> None:
    waiting = book(100_000.0, {}, (buy("NVDA", 4000.0),))
    room = RiskGate(RiskLimits(), Protection()).room("NVDA", waiting, NO_COST)
    assert room.notional == pytest.approx(1000.0)


def test_portfolio_risk_is_the_sum_of_the_ways_to_the_stops() -> None:
    # given 7 positions of 5,000, each 5 % above its stop: 1,750 of 2,000 at risk
    positions = {f"S{i}": Position(50.0, 100.0) for i in range(7)}
    gate = RiskGate(RiskLimits(), Protection(stop_loss=0.05))
    room = gate.room("NVDA", book(65_000.0, positions), NO_COST)
    assert room.notional == pytest.approx(5000.0)
    # and an eighth, pending, makes it 2,000
    full = gate.room("NVDA", book(65_000.0, positions, (buy("S8", 5000.0),)), NO_COST)
    assert full.code == "PORTFOLIO_RISK"
    assert full.notional == pytest.approx(0.0, abs=1e-6)


def test_a_position_that_has_gained_risks_its_gain_too() -> None:
    positions = {"A": Position(100.0, 80.0)}
    gate = RiskGate(RiskLimits(max_position=1.0), Protection(stop_loss=0.05))
    room = gate.room("NVDA", book(90_000.0, positions), NO_COST)
    assert room.notional == pytest.approx((2000.0 - (100.0 - 76.0) * 100.0) / 0.05)


def test_without_protection_the_whole_value_is_at_risk() -> None:
    room = RiskGate(RiskLimits(), None).room("NVDA", book(100_000.0, {}), NO_COST)
    assert (room.code, room.notional) == ("PORTFOLIO_RISK", 2000.0)


def test_a_buy_is_clipped_or_denied_with_its_numbers() -> None:
    gate = RiskGate(RiskLimits(), Protection())
    empty = book(100_000.0, {})
    assert entry_notional("NVDA", 20_000.0, empty, NO_COST, gate) == 5000.0
    assert entry_notional("NVDA", 20_000.0, empty, NO_COST, None) == 20_000.0
    held = book(95_050.0, {"NVDA": Position(49.5, 100.0)})
    denial = entry_notional("NVDA", 3150.0, held, NO_COST, gate)
    assert denial == Denial("MAX_POSITION", 0.05, pytest.approx(0.081), "NVDA")
    small = entry_notional("NVDA", 109.0, empty, NO_COST, gate)
    assert small == Denial("TOO_SMALL", pytest.approx(110.0), 109.0, "NVDA")


@settings(max_examples=80, deadline=None)
@given(
    cash=st.floats(5e3, 1e6),
    units=st.floats(0.0, 40.0),
    entry=st.floats(60.0, 140.0),
    slip=st.floats(0.0, 0.02),
    fee_rate=st.floats(0.0, 0.01),
    commission=st.floats(0.0, 10.0),
    stop_loss=st.floats(0.01, 0.5),
)
def test_the_room_is_all_that_fits_and_no_more(
    cash, units, entry, slip, fee_rate, commission, stop_loss
) -> None:
    # given an account that holds some of the symbol and some of another
    worst = 100.0 * (1.0 + slip)
    held = {"NVDA": Position(units, entry), "XOM": Position(10.0, 100.0)}
    if units == 0.0:
        del held["NVDA"]
    given_book = book(cash, held)
    limits = RiskLimits(max_position=0.3, portfolio_risk=0.1)
    room = RiskGate(limits, Protection(stop_loss)).room(
        "NVDA", given_book, EntryCost(worst, fee_rate, commission)
    )

    def shares_of_equity(invest: float) -> tuple[float, float]:
        """Position and risk after buying at the worst price, by their definitions."""
        total = units + invest / worst
        average = (units * entry + invest) / total
        others = 10.0 * 100.0
        left = cash - invest * (1 + fee_rate) - commission
        equity = left + others + total * worst
        risk = max(0.0, worst - average * (1 - stop_loss)) * total + others * stop_loss
        return total * worst / equity, risk / equity

    # then buying all of it keeps both limits
    if room.notional <= 0:
        return
    position, risk = shares_of_equity(room.notional)
    assert position <= 0.3 + 1e-9
    assert risk <= 0.1 + 1e-9
    # and, where the price is above the stop of what is held, one of them is used up
    if units == 0.0 or worst >= entry * (1 - stop_loss):
        moved = worst * units / (cash + worst * units)  # held units are worth more at `worst`
        assert position > 0.3 - slip * moved - 0.01 or risk > 0.1 - slip * moved - 0.01


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_position": 0.0},
        {"daily_loss": 1.5},
        {"correlation": -1.0},
        {"min_correlation_bars": 1},
        {"min_correlation_bars": 61},
    ],
)
def test_limits_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        RiskLimits(**wrong)


def test_a_setting_that_no_limit_has_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no limit max_positon.*did you mean max_position\?"):
        RiskLimits(max_positon=0.1)


def test_the_settings_are_those_that_journals_hold() -> None:
    assert RiskLimits().settings() == {
        "max_position": 0.05,
        "portfolio_risk": 0.02,
        "daily_loss": 0.03,
        "correlation": 0.7,
        "correlation_bars": 60,
        "min_correlation_bars": 20,
    }


def entry_correlations(table, records, bars: int) -> Iterator[float]:
    """Of every entry in a new name with every symbol then held, over the bars before its fill."""
    held: set[str] = set()
    for fill in (record.event.payload() for record in records if record.kind == "fill"):
        symbol, last = fill["symbol"], fill["bar"] - 1
        if fill["side"] == "sell":
            held.remove(symbol)
            continue
        for other in held if symbol not in held else ():
            pair = [table.symbols.index(name) for name in (symbol, other)]
            steps = [
                np.log(table.close[t, pair] / table.close[t - 1, pair])
                for t in range(max(1, last - bars + 1), last + 1)
                if table.tradable[t - 1 : t + 1, pair].all()
            ]
            yield float(np.corrcoef(np.array(steps).T)[0, 1])
        held.add(symbol)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    max_position=st.floats(0.01, 0.5),
    portfolio_risk=st.floats(0.001, 0.1),
    daily=st.floats(0.002, 0.05),
    stop_loss=st.floats(0.01, 0.2) | st.none(),
    slippage_model=st.sampled_from(["none", "realistic", "impact"]),
)
def test_no_limit_is_ever_exceeded(
    seed,
    max_position,
    portfolio_risk,
    daily,
    stop_loss,
    slippage_model,
    walk_table,
    scripted,
    request_for,
    tmp_path_factory,
) -> None:
    # given wild bars with holes, and a policy that mostly buys
    table = walk_table(bars=42, assets=5, seed=seed, sigma=0.02, holes=0.1)
    random = np.random.default_rng(seed)
    rows = random.choice([0, 1, 1, 2], (42, 5))
    actions = {
        bar: {s: int(a) for s, a in zip(table.symbols, row, strict=True)}
        for bar, row in enumerate(rows)
    }
    limits = RiskLimits(
        max_position=max_position,
        portfolio_risk=portfolio_risk,
        daily_loss=daily,
        correlation_bars=20,
        min_correlation_bars=3,
    )
    journal = tmp_path_factory.mktemp("risk") / "session.jsonl"
    ask = request_for(
        table,
        scripted(table, actions),
        journal,
        {"slippage_model": slippage_model, "max_trades_per_day": 50, "commission": 1.0},
        limits=limits,
        protection=Protection(stop_loss) if stop_loss else None,
    )
    result = replay_table(ask, table)
    # then an audit that shares no code with the gate finds nothing
    records = read_journal(journal)
    assert audit(records) == []
    assert all(rho < 0.7 for rho in entry_correlations(table, records, bars=20))
    assert result.risk_breaches == 0
    assert result.rejections == 0


def history(first: np.ndarray, second: np.ndarray) -> PriceHistory:
    close = np.exp(np.column_stack([first, second]).cumsum(axis=0))
    return PriceHistory(("A", "B"), close, np.ones(close.shape, bool))


def deny_correlated(symbol: str, exposed: list[str], prices: PriceHistory) -> Denial | None:
    return Correlation().denial(Entry(symbol, tuple(exposed), prices))


def test_correlation_at_the_limit_is_refused_and_below_it_is_not() -> None:
    # given returns with a correlation of rho, exactly
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 61))
    x, y = (v - v[1:].mean() for v in (x, y))
    y -= x * (x[1:] @ y[1:]) / (x[1:] @ x[1:])
    x, y = (v / math.sqrt(v[1:] @ v[1:]) for v in (x, y))
    for rho, refused in [(0.6999, False), (0.7001, True), (-0.95, False), (1.0, True)]:
        mixed = rho * x + math.sqrt(1 - rho**2) * y
        denial = deny_correlated("A", ["B"], history(x / 50, mixed / 50))
        assert (denial is not None) == refused
        if denial:
            assert denial == Denial("CORRELATION", 0.7, pytest.approx(rho), "A", "B")


def test_an_unknown_correlation_is_refused() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(0, 0.01, size=(2, 20))
    denial = deny_correlated("A", ["B"], history(x, y))
    assert denial == Denial("CORRELATION_UNKNOWN", 20.0, 19.0, "A", "B")
    still = deny_correlated("A", ["B"], history(np.resize(x, 61), np.zeros(61)))
    assert still is not None
    assert still.code == "CORRELATION_UNKNOWN"


def test_adding_to_a_held_symbol_is_no_matter_of_correlation() -> None:
    x = np.random.default_rng(0).normal(0, 0.01, 61)
    assert deny_correlated("A", ["A"], history(x, x)) is None
    # not even with another one that is held beside it: both bets are there already
    assert deny_correlated("A", ["B", "A"], history(x, x)) is None
    assert deny_correlated("A", ["B"], history(x, x)) is not None


def test_adding_to_one_of_a_pair_that_has_become_alike_is_allowed(
    walk_table, scripted, request_for, journal
) -> None:
    # given: two symbols that are bought while they are not alike, and move as one from then on
    table = walk_table(bars=140, assets=2, seed=5)
    for prices in (table.open, table.high, table.low, table.close):
        prices[66:, 1] = prices[66:, 0] * (table.close[65, 1] / table.close[65, 0])
    policy = scripted(table, {62: {"S0": 1, "S1": 1}, 135: {"S1": 1}})
    limits = RiskLimits(max_position=0.5, portfolio_risk=1.0)
    ask = request_for(table, policy, journal, limits=limits, protection=Protection(0.9, 9.0))
    result = replay_table(ask, table)
    assert (result.fills, result.denials) == (3, {})


def test_bars_without_trading_do_not_count_as_returns() -> None:
    x = np.random.default_rng(0).normal(0, 0.01, 61)
    prices = history(x, x)
    prices.tradable[1::2, 1] = False
    denial = deny_correlated("A", ["B"], prices)
    assert denial == Denial("CORRELATION_UNKNOWN", 20.0, 0.0, "A", "B")


def test_a_correlated_pair_of_one_decision_is_split(
    walk_table, scripted, request_for, journal
) -> None:
    # given two symbols that move as one, and a decision to buy both
    table = walk_table(bars=70, assets=2)
    table.close[:, 1] = table.close[:, 0]
    policy = scripted(table, {65: {"S0": 1, "S1": 1}})
    ask = request_for(table, policy, journal, limits=RiskLimits(), protection=Protection(0.5, 9.0))
    result = replay_table(ask, table)
    # then the first is bought and the second is denied, before any order
    assert (result.orders, result.denials) == (1, {"CORRELATION": 1})
    (denial,) = (r.event.payload() for r in read_journal(journal) if r.kind == "denial")
    assert (denial["symbol"], denial["other"], denial["limit"]) == ("S1", "S0", 0.7)
    assert denial["asked"] == pytest.approx(1.0)


@given(st.floats(1e-3, 1e12))
def test_a_loss_of_exactly_the_limit_trips(day_start: float) -> None:
    assert trips_breaker(daily_loss(day_start, day_start * 0.97), 0.03)
    assert not trips_breaker(daily_loss(day_start, day_start * 0.970001), 0.03)
    assert not trips_breaker(daily_loss(day_start, day_start * 1.05), 0.03)


def breaker_case(flat_table, scripted, request_for, journal, price: float):
    """A whole-account position that moves to `price` at bar 3; entries are tried until bar 9."""
    table = flat_table(bars=12, assets=2)
    for prices in (table.open, table.high, table.low, table.close):
        prices[3:, 0] = price
    actions = {0: {"S0": 1}} | {bar: {"S1": 1} for bar in range(3, 11)}
    limits = RiskLimits(
        max_position=1.0, portfolio_risk=1.0, correlation_bars=3, min_correlation_bars=3
    )
    params = {"slippage_model": "none", "spread_bps": 0.0, "sec_fee": 0.0, "finra_taf": 0.0}
    params |= {"buy_pct": 0.5, "max_position_pct": 1.0, "min_holding_period": 0}
    return table, request_for(table, scripted(table, actions), journal, params, limits=limits)


def test_the_breaker_trips_at_three_percent_and_holds_until_the_next_session(
    flat_table, scripted, request_for, journal
) -> None:
    # given half of 100,000 in a share that falls from 100 to 94: minus 3 %, exactly
    table, ask = breaker_case(flat_table, scripted, request_for, journal, 94.0)
    result = replay_table(ask, table)
    # then the session halts, and all four entries that session decides on are denied
    assert result.halts == 1
    assert result.denials["DAILY_LOSS"] == 4
    records = read_journal(journal)
    (halt,) = (r.event.payload() for r in records if r.kind == "halt")
    assert (halt["loss"], halt["limit"]) == (pytest.approx(0.03), 0.03)
    denials = [r.event.payload() for r in records if r.kind == "denial"]
    assert [d["bar"] for d in denials if d["code"] == "DAILY_LOSS"] == [3, 4, 5, 6]
    assert result.risk_breaches == 0


def test_a_smaller_loss_does_not_trip(flat_table, scripted, request_for, journal) -> None:
    table, ask = breaker_case(flat_table, scripted, request_for, journal, 94.01)
    assert replay_table(ask, table).halts == 0


def test_exits_pass_while_halted(flat_table, scripted, request_for, journal) -> None:
    table, ask = breaker_case(flat_table, scripted, request_for, journal, 90.0)
    ask.policy.actions.update(scripted(table, {4: {"S0": 2}}).actions)
    result = replay_table(ask, table)
    assert result.halts == 1
    fills = [r.event.payload() for r in read_journal(journal) if r.kind == "fill"]
    assert [(f["symbol"], f["leg"], f["bar"]) for f in fills][1] == ("S0", "exit", 5)
