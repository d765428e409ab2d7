"""Where decisions come from: an endpoint, or a bundle in this process."""

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from cluster.errors import BundleError
from envs.observation import account_tail, lay_out
from serve.client import PolicyClient
from serve.errors import PolicyUnavailableError
from serve.schema import Account, ActRequest
from trade.policy.policy import AccountView, PolicyAnswer

if TYPE_CHECKING:
    from train.bundle.bundle import PolicyBundle
    from train.bundle.manifest import Manifest
from train.policy.contract import softmax


class HttpPolicy:
    """Decides by `POST /v1/act`; the client repeats lost calls within its budget."""

    def __init__(self, client: PolicyClient, bundle: "Manifest") -> None:
        self._client = client
        self._bundle = bundle

    def check(self) -> None:
        """Ask what the endpoint serves.

        Raises:
            PolicyUnavailableError: no endpoint.
            PolicyRefusedError: the token is wrong.
            BundleError: it serves another bundle.
        """
        served = self._client.model().bundle_id
        if served != self._bundle.bundle_id:
            raise BundleError(
                "the endpoint serves another policy",
                f"bundle {served} instead of {self._bundle.bundle_id}",
                "ploutos serve down, then ploutos serve up with this bundle",
            )

    def decide(
        self, features: np.ndarray, account: AccountView, ts: str, decision_id: str
    ) -> PolicyAnswer:
        """See `trade.policy.policy.Policy.decide`."""
        request = ActRequest(
            feature_fingerprint=self._bundle.feature_fingerprint,
            symbols=list(self._bundle.symbols),
            features=features.astype(np.float64).tolist(),
            account=Account(
                cash=account.cash,
                equity=account.equity,
                peak=account.peak,
                initial_balance=account.initial_balance,
                position_values=account.position_values.tolist(),
            ),
            ts=datetime.fromisoformat(ts),
            decision_id=decision_id,
        )
        answer = self._client.act(request)
        return PolicyAnswer(
            actions=np.array(answer.actions, np.int64),
            bundle_id=answer.bundle_id,
            probabilities=np.array(answer.probabilities),
            latency_ms=answer.latency_ms,
        )


class LocalPolicy:
    """Decides by a bundle in this process, on the one layout of an observation."""

    def __init__(self, bundle: "PolicyBundle") -> None:
        self._bundle = bundle

    def decide(
        self, features: np.ndarray, account: AccountView, ts: str, decision_id: str
    ) -> PolicyAnswer:
        """See `trade.policy.policy.Policy.decide`."""
        tail = account_tail(
            account.position_values,
            account.cash,
            account.equity,
            account.peak,
            account.initial_balance,
        )
        try:
            logits = self._bundle.logits(lay_out(features, tail)[None])[0]
        except BundleError as error:  # its numbers are none: the endpoint answers 500
            raise PolicyUnavailableError(error.what, error.why, error.next_command) from error
        return PolicyAnswer(
            actions=logits.argmax(axis=-1).astype(np.int64),
            bundle_id=self._bundle.manifest.bundle_id,
            probabilities=softmax(logits),
        )
