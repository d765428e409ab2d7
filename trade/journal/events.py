"""What happens in a session: one frozen class a kind of record, and the JSON that each is on disk.

Prices and money are in USD, bars are indices, `bar_ts` is a bar's opening time, ISO 8601 in UTC.
"""

from typing import Any, ClassVar, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from envs.params import V6Params
from trade.orders.orders import Fill, Leg, Order, Side
from trade.orders.protection import Protection
from trade.risk.limits import RiskLimits


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]  # key `type` of the line
    durable: ClassVar[bool] = False  # on the disk before the session goes on

    def payload(self) -> dict[str, Any]:
        """The fields as plain JSON values; those that were left out stay out."""
        return self.model_dump(mode="json", exclude_unset=True)


class SessionStarted(_Event):
    """What a session is run under; `first` and `last` are its bars, both included."""

    kind: ClassVar = "session_started"
    durable: ClassVar = True

    session_id: str
    label: str  # SIMULATED, REPLAY or PAPER
    bundle_id: str
    symbols: tuple[str, ...]
    initial_balance: float
    params: dict[str, Any]  # V6's
    limits: dict[str, int | float] | None  # by name of the setting; None: no risk gate
    protection: Protection | None
    seed: int
    data: str  # fingerprint of the bars
    first: int
    last: int

    def terms(self) -> dict[str, Any]:
        """The fields, and the default of every parameter and limit that came after the journal."""
        limits = self.every_limit()
        return self.payload() | {
            "params": V6Params.default().to_dict() | self.params,
            "limits": limits,
        }

    def every_limit(self) -> dict[str, int | float] | None:
        """Every setting of the risk gate; None without one."""
        return None if self.limits is None else RiskLimits().settings() | self.limits


class Decision(_Event):
    """The policy was asked at the close of `bar`; `failure` says why there is no usable answer.

    `held` names symbols whose features were unusable, and why: they are held, whatever it said.
    """

    kind: ClassVar = "decision"

    decision_id: str
    bar: int
    bar_ts: str
    actions: dict[str, Side]  # by symbol; HOLD is left out
    equity: float
    bundle_id: str | None = None
    probabilities: dict[str, list[float]] | None = None  # of HOLD, BUY and SELL
    latency_ms: float | None = None
    failure: str | None = None
    held: dict[str, str] | None = None


class IntendedLeg(BaseModel):
    """A part of a decision that is to become an order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str
    side: Side
    client_order_id: str


class Intent(_Event):
    """What is left of a decision after the gate, in asset order."""

    kind: ClassVar = "intent"
    durable: ClassVar = True

    decision_id: str
    bar: int  # that was decided on
    legs: tuple[IntendedLeg, ...]


class OrderSent(_Event):
    """An order that goes to the broker right after; fields as in `trade.orders.orders.Order`."""

    kind: ClassVar = "order"
    durable: ClassVar = True

    client_order_id: str
    symbol: str
    side: Side
    leg: Leg
    notional: float
    quantity: float
    trigger_price: float
    bar: int

    def order(self) -> Order:
        """The order itself."""
        return Order(**self.model_dump(exclude={"bar"}))


class OrderFilled(_Event):
    """The broker filled an order; fields as in `trade.orders.orders.Fill`."""

    kind: ClassVar = "fill"

    client_order_id: str
    symbol: str
    side: Side
    leg: Leg
    quantity: float
    price: float
    cash_change: float
    fees: float
    bar: int
    decided_in: int  # exchange session of the decision

    def fill(self) -> Fill:
        """The fill itself."""
        return Fill(**self.model_dump(exclude={"bar", "leg", "decided_in"}))


class OrderRejected(_Event):
    """The broker refused an order: final, nothing was traded."""

    kind: ClassVar = "rejection"

    client_order_id: str
    symbol: str
    leg: Leg
    reason: str
    bar: int


class EntryDenied(_Event):
    """We refused an order; fields as in `trade.orders.denial.Denial`."""

    kind: ClassVar = "denial"

    client_order_id: str
    symbol: str
    code: str
    limit: float
    asked: float
    other: str = ""
    bar: int


class ProtectionHit(_Event):
    """A bar set off a stop-loss or a take-profit."""

    kind: ClassVar = "protection"
    durable: ClassVar = True

    client_order_id: str
    symbol: str
    leg: Leg
    price: float
    gap: bool  # the bar opened beyond the level
    bar: int


class HandOver(_Event):
    """A slot takes another name: `symbol` leaves it, at this price."""

    kind: ClassVar = "handover"
    durable: ClassVar = True

    client_order_id: str
    slot: str
    symbol: str
    price: float
    bar: int


class Mark(_Event):
    """The account valued at a bar's open or close; `prices` are of what is held or intended."""

    kind: ClassVar = "mark"

    at: Literal["open", "close"]
    bar: int
    bar_ts: str
    session: int
    prices: dict[str, float]
    cash: float
    equity: float


class Halt(_Event):
    """The loss breaker ended the entries of an exchange session; shares of its first equity."""

    kind: ClassVar = "halt"
    durable: ClassVar = True

    code: Literal["DAILY_LOSS"]
    session: int
    loss: float
    limit: float


class SessionEnded(_Event):
    """The last bar was marked; or the account is ruined, as a backtest calls it."""

    kind: ClassVar = "session_ended"

    bar: int
    equity: float
    ruined: bool = False


Event = (
    SessionStarted
    | Decision
    | Intent
    | OrderSent
    | OrderFilled
    | OrderRejected
    | EntryDenied
    | ProtectionHit
    | HandOver
    | Mark
    | Halt
    | SessionEnded
)
_CLASSES: Final[dict[str, type[Event]]] = {cls.kind: cls for cls in get_args(Event)}


def parse_event(kind: str, payload: dict[str, Any]) -> Event:
    """The event of a record.

    Raises:
        ValueError: an unknown kind; a field is missing, unknown or wrong.
    """
    if kind not in _CLASSES:
        raise ValueError(f"unknown record type {kind}")
    try:
        return _CLASSES[kind].model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in (kind, *first["loc"]))
        raise ValueError(f"{place}: {first['msg']}") from error
