"""Every limit by its settings, and the gate that asks them all."""

import difflib
from typing import Any, Final

from pydantic import ValidationError

from cluster.errors import ConfigError
from trade.orders.denial import Denial
from trade.orders.protection import Protection
from trade.risk.correlation import Correlation
from trade.risk.daily_loss import DailyLoss
from trade.risk.exposure import MaxPosition, PortfolioRisk
from trade.risk.risk import Book, Entry, EntryCost, Limit, Purchase, Room

LIMITS: Final[tuple[type[Limit], ...]] = (  # the first to refuse is the one that is named
    DailyLoss,
    Correlation,
    MaxPosition,
    PortfolioRisk,
)


class RiskLimits:
    """All limits: at their defaults, but for the settings that are named.

    Args:
        settings: By name, such as `max_position=0.05`.

    Raises:
        ConfigError: no limit has such a setting, or it is out of its range.
    """

    def __init__(self, **settings: float) -> None:
        known = [name for limit in LIMITS for name in limit.model_fields]
        for name in settings:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                nearest = f"did you mean {close[0]}?" if close else "no limit has it"
                raise ConfigError(f"no limit {name}", nearest, f"choose from {', '.join(known)}")
        self.limits = tuple(_limit(limit, settings) for limit in LIMITS)

    def settings(self) -> dict[str, int | float]:
        """Every setting by its name, as `session_started` records them."""
        values: dict[str, int | float] = {}
        for limit in self.limits:
            values |= limit.model_dump()
        return values


class RiskGate:
    """Says how large an entry may be, and whether there may be one at all.

    Args:
        limits: The limits.
        protection: Where positions are stopped; without one their whole value is at risk.
    """

    def __init__(self, limits: RiskLimits, protection: Protection | None) -> None:
        self._limits = limits.limits
        self._at_risk = protection.stop_loss if protection else 1.0  # share of the entry price

    def denial(self, entry: Entry) -> Denial | None:
        """The first limit's refusal; None where none refuses."""
        denials = (limit.denial(entry) for limit in self._limits)
        return next((denial for denial in denials if denial), None)

    def room(self, symbol: str, book: Book, cost: EntryCost) -> Room:
        """What is left for an entry in `symbol` under the tightest limit."""
        purchase = Purchase(symbol, book, cost, self._at_risk)
        rooms = [room for limit in self._limits if (room := limit.room(purchase)) is not None]
        return min(rooms, key=lambda room: room.notional)


def _limit(limit: type[Limit], settings: dict[str, Any]) -> Limit:
    mine = {name: settings[name] for name in limit.model_fields if name in settings}
    try:
        return limit(**mine)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else next(iter(mine))
        why = first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"{name} is {mine[name]}", why, "shares are written as 0.05 for 5 %"
        ) from error
