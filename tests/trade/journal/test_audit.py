from journal_events import STOPS, fill, intent, mark, order, started

from trade.journal.audit import audit
from trade.journal.events import Event
from trade.journal.journal_format import Record

LIMITS = {"max_position": 0.05, "portfolio_risk": 0.02, "daily_loss": 0.03}


def journal(*events: Event, limits: dict | None = LIMITS) -> list[Record]:
    """Records of an account of 100,000 with stops 5 % away."""
    records: list[Record] = []
    for event in (started(1e5, limits=limits, protection=STOPS), *events):
        records.append(Record.chained(records[-1] if records else None, "now", event))
    return records


def trade(symbol: str, quantity: float, price: float, side: str = "buy") -> list[Event]:
    order_id = f"id-{symbol}-{side}-{quantity}"
    leg = "entry" if side == "buy" else "exit"
    traded = {"symbol": symbol, "quantity": quantity, "price": price}
    return [intent(order_id), order(order_id, symbol), fill(order_id, leg, **traded)]


def codes(records: list[Record]) -> list[tuple[str, str]]:
    return [(breach.code, breach.subject) for breach in audit(records)]


def test_entries_at_the_limit_are_no_breach() -> None:
    assert codes(journal(mark("open", A=100.0), *trade("A", 50.0, 100.0))) == []


def test_a_position_above_the_limit_is_a_breach() -> None:
    (breach,) = audit(journal(mark("open", A=100.0), *trade("A", 50.1, 100.0)))
    assert (breach.code, breach.limit, round(breach.value, 6)) == ("MAX_POSITION", 0.05, 0.0501)
    assert breach.seq == 4


def test_risk_to_the_stops_above_the_limit_is_a_breach() -> None:
    # given nine positions of 5,000, each 250 above its stop
    symbols = "ABCDEFGHI"
    prices = mark("open", **dict.fromkeys(symbols, 100.0))
    trades = [entry for symbol in symbols for entry in trade(symbol, 50.0, 100.0)]
    assert codes(journal(prices, *trades)) == [("PORTFOLIO_RISK", "I")]


def test_an_entry_after_the_breaker_tripped_is_a_breach_until_the_next_session() -> None:
    start = [mark("open", A=100.0), *trade("A", 40.0, 100.0), mark("close", A=20.0)]
    late = [mark("open", A=20.0, B=10.0), *trade("B", 1.0, 10.0)]
    assert codes(journal(*start, *late)) == [("DAILY_LOSS", "B")]
    assert (
        codes(journal(*start, mark("open", session=2, A=20.0, B=10.0), *trade("B", 1.0, 10.0)))
        == []
    )


def test_exits_are_never_a_breach() -> None:
    start = [mark("open", A=100.0), *trade("A", 40.0, 100.0), mark("close", A=20.0)]
    assert codes(journal(*start, *trade("A", 40.0, 20.0, "sell"))) == []


def test_fills_without_order_doubled_fills_and_orders_without_intent_are_breaches() -> None:
    intent, order, fill = trade("A", 1.0, 100.0)
    prices = mark("open", A=100.0)
    assert codes(journal(prices, order, fill)) == [("UNANNOUNCED_ORDER", "id-A-buy-1.0")]
    assert codes(journal(prices, intent, fill)) == [("UNORDERED_FILL", "id-A-buy-1.0")]
    assert codes(journal(prices, intent, order, fill, fill)) == [("DOUBLE_FILL", "id-A-buy-1.0")]


def test_spending_more_than_the_cash_is_a_breach_without_limits_too() -> None:
    records = journal(mark("open", A=100.0), *trade("A", 1001.0, 100.0), limits=None)
    assert codes(records) == [("NEGATIVE_CASH", "A")]
