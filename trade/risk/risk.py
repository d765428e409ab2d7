"""What a risk limit is: what it looks at, and what it may answer. Limits govern entries alone.

Legend: E equity, V value of a position, q units, e average entry price, s stop-loss share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from trade.orders.account import Account
from trade.orders.denial import Denial
from trade.orders.orders import Order

Share = Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """Closing prices up to and including the bar that is decided on.

    Args:
        symbols: A names, in column order.
        close: (T, A) f64, USD.
        tradable: (T, A) bool; a return counts where both of its bars are.
    """

    symbols: tuple[str, ...]
    close: np.ndarray
    tradable: np.ndarray

    def trades(self, symbol: str) -> bool:
        """Whether a symbol trades at the bar that is decided on."""
        return bool(self.tradable[-1, self.symbols.index(symbol)])

    def returns(self, first: str, second: str, bars: int) -> np.ndarray:
        """Log returns over the last `bars` bars that both symbols have: (N, 2) f64."""
        pair = [self.symbols.index(first), self.symbols.index(second)]
        close = self.close[-bars - 1 :, pair]
        traded = np.logical_and(*self.tradable[-bars - 1 :, pair].T)
        both = traded[1:] & traded[:-1]
        returns: np.ndarray = np.log(close[1:][both] / close[:-1][both])
        return returns


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that the policy wants, as it stands at the close that was decided on.

    Args:
        symbol: What is to be bought.
        exposed: Symbols held, and those let through before this one in the same decision.
        history: Of all symbols.
        halt_loss: Loss that ended the session's entries, share of its first equity; None while
            they may go on.
    """

    symbol: str
    exposed: tuple[str, ...]
    history: PriceHistory
    halt_loss: float | None = None


@dataclass(frozen=True, slots=True)
class EntryCost:
    """What buying costs at most: the worst execution price (USD), fee rate and commission."""

    worst_price: float
    fee_rate: float
    commission: float


@dataclass(frozen=True, slots=True)
class Book:
    """What the gate looks at: the account, prices by symbol (USD), and buys not yet filled."""

    account: Account
    prices: Mapping[str, float]
    pending: Sequence[Order] = ()

    def pending_notional(self, symbol: str) -> float:
        """USD of unfilled buys of `symbol`."""
        return sum(order.notional for order in self.pending if order.symbol == symbol)


@dataclass(frozen=True, slots=True)
class Purchase:
    """An entry that is about to be sent, at the open of its bar.

    Args:
        symbol: What is to be bought.
        book: What is held and pending, at the prices of the open.
        cost: What buying costs at most.
        at_risk: s, share of an entry price that its stop leaves at risk; 1 without a stop.
    """

    symbol: str
    book: Book
    cost: EntryCost
    at_risk: float

    @property
    def equity(self) -> float:
        """E after the fees of what is pending and the commission of this one, USD."""
        book, cost = self.book, self.cost
        buys = sum(order.notional for order in book.pending)
        spendable = book.account.value(book.prices) - cost.commission * (1 + len(book.pending))
        return spendable - cost.fee_rate * buys


@dataclass(frozen=True, slots=True)
class Room:
    """The largest notional (USD) that a limit leaves for an entry."""

    code: str
    limit: float  # share of equity
    notional: float
    used: float  # share of equity taken already
    weight: float  # share of each further USD that counts against the limit

    def denial(self, symbol: str, notional: float, equity: float) -> Denial:
        """The refusal of an entry of `notional` USD."""
        return Denial(self.code, self.limit, self.used + self.weight * notional / equity, symbol)


class Limit(BaseModel):
    """One limit; its fields are its settings, each with a default and a range.

    It answers one of two questions, or both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def denial(self, entry: Entry) -> Denial | None:
        """Why there may be no entry at all; None where this limit has nothing against it."""
        return None

    def room(self, purchase: Purchase) -> Room | None:
        """How much may be bought; None where this limit does not size.

        The limit must hold after the fill, at the fill price, with the fees paid:
        `V + invest <= limit x (E - fees)`, where every buy costs `fee_rate` of its notional.
        """
        return None
