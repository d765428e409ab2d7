"""What a feature column is: a named formula with its memory and its order of magnitude.

Inside a formula, calling a column or a quantity refers to it by name, so that each is computed
once: `zscore_20() < -1.5` is `pl.col("zscore_20") < -1.5`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import getdoc
from typing import Literal

import polars as pl

Formula = Callable[[], pl.Expr]
Scope = Literal["symbol", "panel"]


@dataclass(frozen=True)
class Quantity:
    """A named intermediate result over bars, shared by columns.

    Attributes:
        name: Name of the function that defines it, and of its column while computing.
        formula: The function itself; its expression may refer to bars and other quantities.
        scope: What it is computed over: "symbol", the bars of one symbol in order; or "panel",
            all symbols on one clock (`features.compute.panel`), where one without a bar is null.
    """

    name: str
    formula: Formula = field(repr=False)
    scope: Scope = "symbol"

    def __call__(self) -> pl.Expr:
        """Refer to the values by name, for use in another formula."""
        return pl.col(self.name)

    @property
    def words(self) -> str:
        """The formula in words: the first paragraph of the docstring, on one line."""
        return " ".join((getdoc(self.formula) or "").partition("\n\n")[0].split())

    @property
    def remark(self) -> str:
        """The rest of the docstring, on one line: the source of the formula, or its limits."""
        return " ".join((getdoc(self.formula) or "").partition("\n\n")[2].split())


@dataclass(frozen=True)
class Column(Quantity):
    """A quantity that a network sees.

    Attributes:
        family: What the column measures, as docs/features.md groups it.
        warmup: Bars before a bar that its value depends on. Recursive smoothing has no end to its
            memory: there it is the number after which older bars weigh less than 1e-9.
        scale: Divisor that brings the raw column to order 1 for a network; 1 for flags.
        is_flag: Whether it is a condition, seen as 0.0 or 1.0.
        recursive: Whether it is built on recursive smoothing.
    """

    family: str = ""
    warmup: int = 0
    scale: float = 1.0
    is_flag: bool = False
    recursive: bool = False


def quantity(formula: Formula) -> Quantity:
    """Turn a function that returns an expression into the `Quantity` of that name."""
    return Quantity(formula.__name__, formula)


def panel_quantity(formula: Formula) -> Quantity:
    """The same over all symbols on one clock."""
    return Quantity(formula.__name__, formula, "panel")


def column(
    family: str, *, warmup: int, scale: float = 1.0, recursive: bool = False
) -> Callable[[Formula], Column]:
    """Turn a function that returns an expression into the `Column` of that name."""

    def define(formula: Formula) -> Column:
        name = formula.__name__
        return Column(name, formula, "symbol", family, warmup, scale, recursive=recursive)

    return define


def panel_column(family: str, *, warmup: int, scale: float = 1.0) -> Callable[[Formula], Column]:
    """The same over all symbols on one clock; the warm-up counts bars of the clock."""

    def define(formula: Formula) -> Column:
        return Column(formula.__name__, formula, "panel", family, warmup, scale)

    return define


def flag(family: str, *, warmup: int) -> Callable[[Formula], Column]:
    """Turn a function that returns a boolean expression into a `Column` of 0.0 and 1.0."""

    def define(formula: Formula) -> Column:
        return Column(formula.__name__, formula, "symbol", family, warmup, is_flag=True)

    return define
