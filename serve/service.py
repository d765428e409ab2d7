"""The policy that answers requests, and its exchange for another one."""

import time
from pathlib import Path

import numpy as np

from cluster.errors import BundleError
from envs.arrays import Float32
from envs.observation import account_tail, lay_out
from serve.errors import Refusal
from serve.schema import ActRequest, ActResponse, DataSpan, ModelSummary
from train.bundle.bundle import PolicyBundle
from train.bundle.manifest import Manifest


class PolicyService:
    """Answers with the bundle that was loaded last; without one it is not ready."""

    def __init__(self) -> None:
        self._bundle: PolicyBundle | None = None

    def load(self, path: str | Path) -> None:
        """Put another bundle in place of the present one, which stays when the new one is bad.

        Raises:
            BundleError: the bundle is refused.
        """
        self._bundle = PolicyBundle.load(path)

    @property
    def bundle(self) -> PolicyBundle:
        """The bundle that answers now.

        Raises:
            Refusal: there is none yet (503).
        """
        if self._bundle is None:
            raise Refusal(
                503,
                "not_ready",
                "no policy is loaded",
                why="the endpoint is starting",
                advice="ask /readyz until it answers 200",
            )
        return self._bundle

    def summary(self) -> ModelSummary:
        """What a client must know of the bundle that answers now."""
        manifest = self.bundle.manifest
        mark = self.bundle.unproven
        return ModelSummary(
            bundle_id=manifest.bundle_id,
            created=manifest.created.isoformat(),
            scenario=manifest.scenario,
            learner=manifest.learner,
            feature_set=manifest.feature_set,
            feature_fingerprint=manifest.feature_fingerprint,
            feature_names=list(manifest.feature_names),
            symbols=list(manifest.symbols),
            data=DataSpan(
                label=manifest.data.label,
                interval=manifest.data.interval,
                start=manifest.data.start.isoformat(),
                end=manifest.data.end.isoformat(),
            ),
            unproven=mark.reason if mark else None,
        )

    def act(self, request: ActRequest) -> ActResponse:
        """The likeliest action of each asset.

        Raises:
            Refusal: the request was made for another bundle (409), has another shape (422), or
                the policy's own output is not finite (500).
        """
        started = time.perf_counter()
        bundle = self.bundle
        _check_fits(request, bundle.manifest)
        observation = _observation(request)
        try:
            actions = bundle.act(observation)[0]
            probabilities = bundle.probabilities(observation)[0]
        except BundleError as error:
            raise Refusal(
                500, "policy_failed", error.what, why=error.why, advice=error.next_command
            ) from error
        return ActResponse(
            decision_id=request.decision_id,
            bundle_id=bundle.manifest.bundle_id,
            actions=actions.tolist(),
            probabilities=probabilities.tolist(),
            latency_ms=(time.perf_counter() - started) * 1e3,
        )


def _observation(request: ActRequest) -> Float32:
    """(1, D) f32."""
    account = request.account
    tail = account_tail(
        np.asarray(account.position_values, np.float64),
        account.cash,
        account.equity,
        account.peak,
        account.initial_balance,
    )
    return lay_out(np.asarray(request.features, np.float32), tail)[None]


def _check_fits(request: ActRequest, manifest: Manifest) -> None:
    if request.feature_fingerprint != manifest.feature_fingerprint:
        raise _mismatch(
            "other_features",
            f"bundle {manifest.bundle_id} was trained on other features",
            f"it wants feature set {manifest.feature_set} {manifest.feature_fingerprint}",
        )
    if tuple(request.symbols) != manifest.symbols:
        raise _mismatch(
            "other_symbols",
            f"bundle {manifest.bundle_id} was trained on other symbols, or in another order",
            f"it wants {', '.join(manifest.symbols)}",
        )
    columns = len(manifest.feature_names)
    if len(request.features[0]) != columns:
        raise Refusal(
            422,
            "wrong_shape",
            "the rows of features have the wrong length",
            why=f"they hold {len(request.features[0])} numbers, not {columns}",
            advice="GET /v1/model lists feature_names in order",
        )


def _mismatch(code: str, what: str, why: str) -> Refusal:
    advice = "GET /v1/model names what it wants; or serve the bundle that fits"
    return Refusal(409, code, what, why=why, advice=advice)
