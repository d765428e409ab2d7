"""The broker port: where orders go, and what a broker of a session is made from."""

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

from envs import rules
from trade.bars.slot_map import Seats
from trade.orders.account import Account
from trade.orders.orders import Fill, Order, Rejection
from trade.risk.risk import EntryCost


class Broker(Protocol):
    """Where orders go; it fills a client order id once at most."""

    def submit(self, order: Order, bar: int) -> Fill | Rejection:
        """Trade in a bar."""

    def entry_cost(self, symbol: str, notional: float, bar: int) -> EntryCost:
        """What buying for `notional` USD or less in a bar costs at most."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BrokerSetup:
    """What a session tells its broker at the start.

    Args:
        seats: The bars, and which asset of the policy a symbol is.
        v6: V6's numbers, cost model included.
        account: What the broker holds; it books its fills there, so a caller that shares it copies.
        seed: Of the slippage stream; a backtest with this seed pays the same.
        known_ids: Client order ids that it has dealt with before.
    """

    seats: Seats
    v6: rules.RuleParams
    account: Account
    seed: int = 0
    known_ids: Set[str] = field(default_factory=frozenset)
