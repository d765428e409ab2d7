"""What equal weight would have made of a session's money, from the Market of its bundle."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from apps.cli.readers import bundle_cards
from cluster.errors import PloutosError
from cluster.settings import Home
from envs import Market
from train.market.asset_returns import bar_returns


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
        (len(times),) USD; None where the Market is gone or does not cover the times, or where no
        symbol has a price yet. One that begins later is not bought, and a slot keeps its money.
    """
    cards = (card for card in bundle_cards(home) if card.path.name == bundle_id)
    manifest = next((card.manifest for card in cards), None)
    if manifest is None or not times:
        return None
    market = _market(home, manifest.data.fingerprint)
    if market is None:
        return None
    wanted = np.array(
        [time.astimezone(UTC).replace(tzinfo=None) for time in times], "datetime64[us]"
    )
    rows = np.searchsorted(market.ts, wanted)
    if rows[-1] >= market.num_bars or not np.array_equal(market.ts[rows], wanted):
        return None
    bought = market.close[rows[0]] > 0.0
    if not bought.any():
        return None
    earned = np.cumsum(bar_returns(market).log[rows[0] :, bought], axis=0)  # (N, A) log
    growth = np.exp(earned[rows - rows[0]] - earned[0])
    equity: list[float] = (balance * growth.mean(axis=1)).tolist()
    return equity


def _market(home: Home, fingerprint: str) -> Market | None:
    """A saved Market; None where there is none."""
    folder = home.tables / fingerprint[:16]
    if not folder.is_dir():
        return None
    try:
        return Market.load(folder)
    except PloutosError:
        return None
