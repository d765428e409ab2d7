"""Why we refuse an order, in numbers. The venue's refusals are rejections, not denials."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Denial:
    """One refused order.

    Args:
        code: The limit that refused, such as `MAX_POSITION`.
        limit: The limit, in the unit of `asked`.
        asked: What the order would have led to.
        symbol: The symbol of the order.
        other: The held symbol that is in the way, for `CORRELATION`.
    """

    code: str
    limit: float
    asked: float
    symbol: str
    other: str = ""

    def __str__(self) -> str:
        """`MAX_POSITION NVDA: asked 0.081, limit 0.05`."""
        pair = f" with {self.other}" if self.other else ""
        return f"{self.code} {self.symbol}{pair}: asked {self.asked:.4g}, limit {self.limit:.4g}"
