"""Stop-loss and take-profit: their prices, and what a bar does to them."""

from dataclasses import dataclass

from cluster.errors import ConfigError
from trade.orders.orders import Leg


@dataclass(frozen=True, slots=True)
class Protection:
    """Where a position is closed without asking the policy.

    Args:
        stop_loss: Share of the average entry price below it, in (0, 1).
        take_profit: Share of the average entry price above it, positive.

    Raises:
        ConfigError: a share is out of its range.
    """

    stop_loss: float = 0.05
    take_profit: float = 0.10

    def __post_init__(self) -> None:
        if not 0 < self.stop_loss < 1:
            raise ConfigError(
                f"stop_loss is {self.stop_loss}", "it is a share of the price", "use 0.05 for 5 %"
            )
        if not self.take_profit > 0:
            raise ConfigError(
                f"take_profit is {self.take_profit}", "it must be above 0", "use 0.10 for 10 %"
            )

    def stop_price(self, entry_price: float) -> float:
        """USD at which a position entered at `entry_price` is stopped out."""
        return entry_price * (1.0 - self.stop_loss)

    def target_price(self, entry_price: float) -> float:
        """USD at which a position entered at `entry_price` takes its profit."""
        return entry_price * (1.0 + self.take_profit)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A protection that a bar set off: which, and the price it trades from, USD."""

    leg: Leg
    price: float
    gap: bool  # the bar opened beyond the level, so the level itself was never traded


def triggered(bar: tuple[float, float, float], stop: float, target: float) -> Trigger | None:
    """What one bar does to a position.

    The order inside a bar is unknown, so the worse case counts: the stop first when both levels
    are touched. A bar that opens beyond a level trades from the open.

    Args:
        bar: Open, high and low, USD.
        stop: Stop price, USD.
        target: Target price, USD.
    """
    open_price, high, low = bar
    if open_price <= stop:
        return Trigger(Leg.STOP_LOSS, open_price, gap=True)
    if open_price >= target:
        return Trigger(Leg.TAKE_PROFIT, open_price, gap=True)
    if low <= stop:
        return Trigger(Leg.STOP_LOSS, stop, gap=False)
    if high >= target:
        return Trigger(Leg.TAKE_PROFIT, target, gap=False)
    return None
