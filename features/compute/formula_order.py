"""In which order the formulas of a feature set are computed."""

from functools import cache

import polars as pl

from features.compute.catalog import FeatureSet
from features.formulas.column import Scope

GIVEN = {  # columns that a formula may refer to, by scope
    "symbol": ("symbol", "ts", "bar_number", "open", "high", "low", "close", "volume"),
    "panel": ("symbol", "clock", "bar_number", "sector", "close"),
}


@cache
def stages(
    feature_set: FeatureSet, scope: Scope = "symbol", columns: tuple[str, ...] | None = None
) -> tuple[list[pl.Expr], ...]:
    """Formulas by stages: each refers to what is given and to earlier stages only.

    Args:
        feature_set: The set.
        scope: Which of its columns.
        columns: Only these, and what they refer to; all of the scope when None.
    """
    names = columns or tuple(column.name for column in feature_set.of_scope(scope))
    depths = dict.fromkeys(GIVEN[scope], 0)
    ordered: list[list[pl.Expr]] = []

    def depth(name: str) -> int:
        if name not in depths:
            formula = feature_set.quantities[name].formula()
            depths[name] = 1 + max(map(depth, formula.meta.root_names()))
            while len(ordered) < depths[name]:
                ordered.append([])
            ordered[depths[name] - 1].append(formula.alias(name))
        return depths[name]

    for name in names:
        depth(name)
    return tuple(ordered)
