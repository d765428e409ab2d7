"""An independent look at a journal: were the limits kept, and was every order announced?

It keeps its own books from the records and shares no code with the gate that it checks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trade.journal.events import (
    HandOver,
    Intent,
    Mark,
    OrderFilled,
    OrderSent,
    ProtectionHit,
    SessionStarted,
)
from trade.journal.journal_format import Record
from trade.orders.orders import Side

TOLERANCE = 1e-9  # share of the limit, for rounding


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that must not happen, found in record `seq`.

    Codes: MAX_POSITION, PORTFOLIO_RISK, DAILY_LOSS (an entry after the breaker tripped),
    NEGATIVE_CASH, UNANNOUNCED_ORDER (no intent before), UNORDERED_FILL, DOUBLE_FILL.
    """

    seq: int
    code: str
    limit: float
    value: float
    subject: str  # symbol, or client order id


def audit(records: Iterable[Record]) -> list[Breach]:
    """Every breach in a journal, in order."""
    books = _Books()
    for record in records:
        books.take(record)
    return books.breaches


@dataclass(slots=True)
class _Books:
    limits: Mapping[str, float] | None = None
    stop_loss: float = 1.0  # share of the entry price at risk
    cash: float = 0.0
    held: dict[str, list[float]] = field(default_factory=dict)  # symbol -> [units, USD paid]
    prices: dict[str, float] = field(default_factory=dict)
    closing_equity: float = 0.0
    session: int | None = None
    session_start: float = 0.0
    worst_loss: float = 0.0  # of the session, over its marks
    announced: set[str] = field(default_factory=set)
    ordered: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    breaches: list[Breach] = field(default_factory=list)

    def take(self, record: Record) -> None:
        match record.event:
            case SessionStarted() as event:
                self._start(event)
            case Mark() as event:
                self._mark(event)
            case Intent() as event:
                self.announced.update(leg.client_order_id for leg in event.legs)
            case ProtectionHit() | HandOver() as event:
                self.announced.add(event.client_order_id)
            case OrderSent() as event:
                order_id = event.client_order_id
                self._expect(order_id in self.announced, record.seq, "UNANNOUNCED_ORDER", order_id)
                self.ordered.add(order_id)
            case OrderFilled() as event:
                self._fill(record.seq, event)

    def _start(self, event: SessionStarted) -> None:
        self.limits = event.every_limit()
        self.stop_loss = event.protection.stop_loss if event.protection else 1.0
        self.cash = self.closing_equity = event.initial_balance

    def _mark(self, event: Mark) -> None:
        self.prices.update(event.prices)
        if event.session != self.session:
            self.session, self.session_start = event.session, self.closing_equity
            self.worst_loss = 0.0
        equity = self._equity()
        self.worst_loss = max(self.worst_loss, 1.0 - equity / self.session_start)
        if event.at == "close":
            self.closing_equity = equity

    def _equity(self) -> float:
        return self.cash + sum(units * self.prices[s] for s, (units, _) in self.held.items())

    def _fill(self, seq: int, fill: OrderFilled) -> None:
        order_id, symbol = fill.client_order_id, fill.symbol
        self._expect(order_id in self.ordered, seq, "UNORDERED_FILL", order_id)
        self._expect(order_id not in self.filled, seq, "DOUBLE_FILL", order_id)
        self.filled.add(order_id)
        self.cash += fill.cash_change
        units, paid = self.held.pop(symbol, [0.0, 0.0])
        if fill.side is Side.SELL:
            left = units - fill.quantity
            if left > 1e-6:
                self.held[symbol] = [left, paid * left / units]
            return
        bought = fill.quantity
        self.held[symbol] = [units + bought, paid + bought * fill.price]
        self._check_entry(seq, symbol, fill.price)

    def _check_entry(self, seq: int, symbol: str, price: float) -> None:
        """The limits right after an entry: it at its fill price, the others at the last mark."""
        self._expect(self.cash >= 0.0, seq, "NEGATIVE_CASH", symbol)
        if self.limits is None:
            return
        prices = {**self.prices, symbol: price}
        worth = {s: units * prices[s] for s, (units, _) in self.held.items()}
        equity = self.cash + sum(worth.values())
        self._keep(seq, "MAX_POSITION", self.limits["max_position"], worth[symbol] / equity, symbol)
        safe = 1.0 - self.stop_loss
        at_risk = sum(max(0.0, worth[s] - paid * safe) for s, (_, paid) in self.held.items())
        limit = self.limits["portfolio_risk"]
        self._keep(seq, "PORTFOLIO_RISK", limit, at_risk / equity, symbol)
        limit = self.limits["daily_loss"]
        if self.worst_loss >= limit:
            self.breaches.append(Breach(seq, "DAILY_LOSS", limit, self.worst_loss, symbol))

    def _keep(self, seq: int, code: str, limit: float, value: float, symbol: str) -> None:
        if value > limit * (1.0 + TOLERANCE):
            self.breaches.append(Breach(seq, code, limit, value, symbol))

    def _expect(self, kept: bool, seq: int, code: str, subject: str) -> None:
        if not kept:
            self.breaches.append(Breach(seq, code, 0.0, 1.0, subject))
