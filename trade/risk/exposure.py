"""How much may be in one position, and how much may be lost if every stop is hit."""

from trade.orders.account import Position
from trade.risk.risk import Limit, Purchase, Room, Share


class MaxPosition(Limit):
    """Largest value of one position, share of equity."""

    max_position: Share = 0.05

    def room(self, purchase: Purchase) -> Room:
        """See `Limit.room`."""
        limit, cost, equity = self.max_position, purchase.cost, purchase.equity
        book, symbol = purchase.book, purchase.symbol
        held = book.account.quantity(symbol) * cost.worst_price + book.pending_notional(symbol)
        left = (limit * equity - held) / (1.0 + limit * cost.fee_rate)
        return Room("MAX_POSITION", limit, left, held / equity, 1.0)


class PortfolioRisk(Limit):
    """Largest sum over positions of (price - stop) x quantity, share of equity."""

    portfolio_risk: Share = 0.02

    def room(self, purchase: Purchase) -> Room:
        """See `Limit.room`."""
        limit, cost, equity = self.portfolio_risk, purchase.cost, purchase.equity
        book, at_risk = purchase.book, purchase.at_risk
        prices = {**book.prices, purchase.symbol: cost.worst_price}
        used = sum(
            _loss_to_stop(position, prices[held], at_risk)
            for held, position in book.account.positions.items()
        )
        used += at_risk * sum(order.notional for order in book.pending)
        left = (limit * equity - used) / (at_risk + limit * cost.fee_rate)
        return Room("PORTFOLIO_RISK", limit, left, used / equity, at_risk)


def _loss_to_stop(position: Position, price: float, at_risk: float) -> float:
    stop = position.entry_price * (1.0 - at_risk)
    return max(0.0, price - stop) * position.quantity
