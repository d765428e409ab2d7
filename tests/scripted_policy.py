"""A policy that plays prepared actions: to tell a replay from its policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from serve.errors import PolicyUnavailableError
from trade.policy.policy import AccountView, PolicyAnswer


@dataclass
class ScriptedPolicy:
    """Plays `actions`, holds where there are none, and keeps what it was shown.

    Args:
        bundle_id: What it answers as.
        actions: By decision id, (A,) i64.
        outages: Decision ids that get no answer.
    """

    bundle_id: str
    actions: Mapping[str, np.ndarray]
    outages: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)
    shown: list[AccountView] = field(default_factory=list)

    def decide(
        self, features: np.ndarray, account: AccountView, ts: str, decision_id: str
    ) -> PolicyAnswer:
        """See `trade.policy.policy.Policy.decide`."""
        self.asked.append(decision_id)
        self.shown.append(account)
        if decision_id in self.outages:
            raise PolicyUnavailableError("the script has an outage", f"decision {decision_id}")
        hold = np.zeros(len(features), np.int64)
        return PolicyAnswer(self.actions.get(decision_id, hold), self.bundle_id)
