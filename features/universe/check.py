"""Whether symbols were chosen from the index as it was, or from the index as it became.

Two faults are looked for. A symbol that joined after the choice was made cannot have been chosen.
And of the members of any day a known share leaves in the years after it, so a choice of which
nobody left was made by someone who knew who would stay: the chance of that is hypergeometric.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from features.universe.universe import Universe

MIN_CHANCE = 1e-3  # that a choice which knew nothing kept all its members


def universe_faults(
    universe: Universe, symbols: Sequence[str], chosen_on: date, until: date
) -> list[str]:
    """What is wrong with a choice, in words; empty when nothing is.

    Symbols that were never in the index, as funds are, were not chosen from it and are not judged.

    Args:
        universe: spells of membership.
        symbols: what was chosen.
        chosen_on: the last day that the choice may have known.
        until: the last day of the bars.
    """
    ever = set(universe.spells["symbol"])
    stocks = sorted(ever.intersection(symbols))
    then = set(universe.members(chosen_on))
    faults = [_not_in(universe, symbol, chosen_on) for symbol in stocks if symbol not in then]
    chosen = then.intersection(stocks)
    stayed = then.intersection(universe.members(until))
    chance = chance_of_no_leaver(len(then), len(stayed), len(chosen))
    if chosen <= stayed and chance < MIN_CHANCE:
        faults.append(
            f"all {len(chosen)} members of {chosen_on} that were chosen are still in on {until}; "
            f"of all {len(then)} members, {len(stayed)} are: by chance {chance:.1g}"
        )
    return faults


def chance_of_no_leaver(members: int, stayed: int, chosen: int) -> float:
    """Chance that `chosen` of `members`, drawn blindly, are all among the `stayed`; 1 for none."""
    chance = 1.0
    for number in range(chosen):
        chance *= max(stayed - number, 0) / (members - number)
    return chance


def _not_in(universe: Universe, symbol: str, day: date) -> str:
    spells = universe.spells.filter(pl.col("symbol") == symbol)
    starts: list[date] = spells["start_date"].drop_nulls().to_list()
    later = [start for start in starts if start > day]
    joined = f": it joined on {min(later)}" if later else ""
    return f"{symbol} was not in the index on {day}{joined}"
