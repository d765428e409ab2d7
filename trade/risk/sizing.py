"""How much to buy: V6's size, cut down to what the limits leave."""

from envs import rules
from trade.orders.account import Account
from trade.orders.denial import Denial
from trade.risk.limits import RiskGate
from trade.risk.risk import Book, EntryCost


def v6_notional(account: Account, p: rules.RuleParams) -> float:
    """What V6 would invest, USD, with the cash that is left and the last marked equity."""
    return rules.buy_notional(account.cash, account.equity, p)


def entry_notional(
    symbol: str,
    wanted: float,
    book: Book,
    cost: EntryCost,
    gate: RiskGate | None,
) -> float | Denial:
    """What may be invested, or why nothing may.

    Args:
        symbol: What to buy.
        wanted: V6's size, USD.
        book: Account, prices at the open and unfilled buys.
        cost: What buying costs at most.
        gate: The limits; None leaves V6's size as it is.

    Returns:
        USD, `wanted` or less; a denial when V6's smallest buy does not fit.
    """
    smallest = rules.MIN_LOT * book.prices[symbol]
    if wanted < smallest:
        return Denial("TOO_SMALL", smallest, wanted, symbol)
    if gate is None:
        return wanted
    room = gate.room(symbol, book, cost)
    if room.notional < smallest:
        return room.denial(symbol, wanted, book.account.value(book.prices))
    return min(wanted, room.notional)
