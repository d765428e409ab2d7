"""The endpoint of this home as a client sees it."""

from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import UsageError
from cluster.settings import home
from cluster.tokens import read_token

if TYPE_CHECKING:
    from serve.client import PolicyClient
    from serve.schema import ActRequest, ModelSummary


def connected_client(token_file: Path | None = None) -> "PolicyClient":
    """A client of the endpoint that `ploutos serve up` started in this home.

    Raises:
        UsageError: nothing is being served.
        ConfigError: the token cannot be read.
    """
    from serve.client import PolicyClient
    from serve.control import serve_status

    state = serve_status(home())
    if state is None:
        raise UsageError("nothing is being served", f"in {home().root}", "ploutos serve up")
    return PolicyClient(state.url, read_token(token_file or state.token_path))


def neutral_request(model: "ModelSummary", balance: float = 100_000.0) -> "ActRequest":
    """A request that any bundle answers: features of 0, an account in cash.

    Args:
        model: What the endpoint serves.
        balance: USD.
    """
    from datetime import UTC, datetime

    from serve.schema import Account, ActRequest

    now = datetime.now(UTC)
    return ActRequest(
        feature_fingerprint=model.feature_fingerprint,
        symbols=model.symbols,
        features=[[0.0] * len(model.feature_names) for _ in model.symbols],
        account=Account(
            cash=balance,
            equity=balance,
            peak=balance,
            initial_balance=balance,
            position_values=[0.0] * len(model.symbols),
        ),
        ts=now,
        decision_id=f"call-{now:%Y%m%dT%H%M%S}",
    )
