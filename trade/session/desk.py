"""What a session trades with, held in one place by the loop, its orders and their execution."""

from envs import rules
from trade.bars.bar_table import BarTable
from trade.bars.slot_map import Seats
from trade.brokers.port import Broker
from trade.journal.session_log import SessionLog
from trade.journal.state import SessionState
from trade.risk.limits import RiskGate
from trade.session.session_config import Terms


class Desk:
    """Terms, bars, broker and journal of one session, and the rules that follow from the terms.

    Args:
        terms: What the session is run under.
        seats: The bars, and which symbol of them each asset of the policy is.
        broker: Where orders go.
        log: Journal and state, what an earlier run left included.
    """

    def __init__(self, terms: Terms, seats: Seats, broker: Broker, log: SessionLog) -> None:
        self.terms = terms
        self.seats = seats
        self.broker = broker
        self.log = log
        self.v6: rules.RuleParams = terms.params.rule_params()
        self.gate = RiskGate(terms.limits, terms.protection) if terms.limits else None

    @property
    def table(self) -> BarTable:
        """The bars."""
        return self.seats.table

    @property
    def state(self) -> SessionState:
        """What the journal leads to."""
        return self.log.state
