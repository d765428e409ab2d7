"""What equal weight would have made of a session's money, from the Market of its bundle."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from apps.cli.readers import bundle_cards
from cluster.errors import PloutosError
from cluster.settings import Home


def equal_weight(
    home: Home, bundle_id: str, times: Sequence[datetime], balance: float
) -> list[float] | None:
    """Equity of buying every symbol alike at the first time and holding, without costs.

    Args:
        home: Where bundles and Markets lie.
        bundle_id: The session's.
        times: Opening times of the session's bars, UTC, increasing.
        balance: USD to begin with.

    Returns:
        (len(times),) USD; None where the Market is gone or does not cover the times.
    """
    cards = (card for card in bundle_cards(home) if card.path.name == bundle_id)
    manifest = next((card.manifest for card in cards), None)
    if manifest is None or not times:
        return None
    found = _closes(home, manifest.data.fingerprint)
    if found is None:
        return None
    clock, close = found
    wanted = np.array(
        [time.astimezone(UTC).replace(tzinfo=None) for time in times], "datetime64[us]"
    )
    rows = np.searchsorted(clock, wanted)
    if rows[-1] >= len(clock) or not np.array_equal(clock[rows], wanted):
        return None
    growth = close[rows] / close[rows[0]]  # (N, A)
    equity: list[float] = (balance * growth.mean(axis=1)).tolist()
    return equity


def _closes(home: Home, fingerprint: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Opening times (T,) and closing prices (T, A) of a saved Market."""
    from envs import Market

    folder = home.tables / fingerprint[:16]
    if not folder.is_dir():
        return None
    try:
        market = Market.load(folder)
    except PloutosError:
        return None
    return (market.ts, market.close) if market.ts is not None else None
